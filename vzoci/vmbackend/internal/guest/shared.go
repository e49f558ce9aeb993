package guest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// Annotation is that of a container in a shared machine, with the id of its record: so
// that the two find each other whatever was interrupted.
const Annotation = "internal.vz.record"

// Machine is the machine that a container lives in.
func (r Record) Machine() ID {
	if r.In != "" {
		return r.In
	}
	return r.ID
}

// HasNetwork tells whether a network of the guest is one that was asked for.
func (r Record) HasNetwork(id string) bool {
	return slices.ContainsFunc(r.Networks, func(n vzcontract.NetworkInfo) bool { return n.ID == id })
}

// DefaultNetwork tells whether every guest has a network of that name.
func DefaultNetwork(name string) bool { return name == "bridge" || name == "host" || name == "none" }

// Shared returns the shared machine of that name, or vzcontract.ErrNotFound.
func (s Store) Shared(name string) (Record, error) {
	all, err := s.AllShared()
	for _, r := range all {
		if r.Shared == name {
			return r, nil
		}
	}
	if err != nil {
		return Record{}, err
	}
	return Record{}, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no shared machine %q", name)
}

// AllShared returns all shared machines.
func (s Store) AllShared() ([]Record, error) {
	return s.records(func(r Record) bool { return r.Shared != "" })
}

// In returns the records of the containers that live in a shared machine.
func (s Store) In(machine ID) ([]ID, error) {
	all, err := s.records(func(r Record) bool { return r.In == machine })
	var ids []ID
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids, err
}

// records returns those that want takes; one that is removed meanwhile is none.
func (s Store) records(want func(Record) bool) ([]Record, error) {
	ids, err := s.List()
	if err != nil {
		return nil, err
	}
	var all []Record
	var errs []error
	for _, id := range ids {
		r, err := s.Open(id)
		switch {
		case err == nil && want(r):
			all = append(all, r)
		case err != nil && !errors.Is(err, vzcontract.ErrNotFound):
			errs = append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// SetPhase notes where a machine that runs is in its life. Only its process does.
func (s Store) SetPhase(id ID, phase vzcontract.SharedVMPhase) error {
	return os.WriteFile(filepath.Join(s.RunDir(id), phaseFile), []byte(phase), 0o600)
}

// Phase tells where a machine is in its life.
func (s Store) Phase(id ID) (vzcontract.SharedVMPhase, error) {
	lock, err := s.TryLock(id)
	switch {
	case err == nil: // nobody runs it, whatever the file says
		return vzcontract.PhaseShutdown, lock.Close()
	case errors.Is(err, vzcontract.ErrNotFound):
		return vzcontract.PhaseShutdown, nil
	case !errors.Is(err, vzcontract.ErrConflict):
		return "", err
	}
	text, err := statefile.Read(filepath.Join(s.RunDir(id), phaseFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
		return vzcontract.PhaseBooting, nil
	}
	return vzcontract.SharedVMPhase(text), err
}
