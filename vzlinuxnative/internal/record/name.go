//go:build linux

package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
	"vz.internal/vzlinuxnative/internal/fault"
)

// takeName makes name point to id, or is vzcontract.ErrConflict.
func (s *Store) takeName(name, id string) error {
	link := filepath.Join(s.names(), name)
	for {
		err := os.Symlink(id, link)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return err
		}
		other, err := os.Readlink(link)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if other == id {
			return nil // a rename to it was cut short
		}
		if !s.abandoned(other) {
			return vzcontract.Errorf(vzcontract.ErrConflict,
				"the name %s is in use by container %s: remove or rename that one, or choose another name", name, other[:min(12, len(other))])
		}
		if err := s.clearAbandoned(name, other); err != nil {
			return err
		}
	}
}

// abandoned reports that the creation of a container was cut short: it has no
// config and nobody is about to write one.
func (s *Store) abandoned(id string) bool {
	if exists(s.file(id, configFile)) {
		return false
	}
	f, err := statefile.Open(s.file(id, lockFile))
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	return flock(f, unix.LOCK_SH|unix.LOCK_NB) == nil && !exists(s.file(id, configFile))
}

// clearAbandoned removes what is left of a creation that was cut short, one
// process at a time.
func (s *Store) clearAbandoned(name, id string) error {
	f, err := s.sweeping(unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer f.Close()
	link := filepath.Join(s.names(), name)
	if now, err := os.Readlink(link); err != nil || now != id || !s.abandoned(id) {
		return nil // somebody else did
	}
	if err := os.RemoveAll(s.Dir(id)); err != nil {
		return fmt.Errorf("remove what an interrupted create left: %w", err)
	}
	return os.Remove(link)
}

// sweepDirectory removes the directory of an abandoned container.
func (s *Store) sweepDirectory(id string) (removed bool, err error) {
	f, err := s.sweeping(unix.LOCK_EX)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if !s.abandoned(id) {
		return false, nil // its creation goes on
	}
	return true, os.RemoveAll(s.Dir(id))
}

// staleName reports whether name points to a container that is called
// otherwise: a rename was cut short.
func (s *Store) staleName(name, id string) bool {
	st, err := s.load(id)
	return err == nil && st.Name != name
}

// clearStale frees such a name, unless a rename is at it.
func (s *Store) clearStale(name, id string) (bool, error) {
	lock, err := s.lock(id)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer lock.Close()
	if !s.staleName(name, id) {
		return false, nil
	}
	return true, s.freeName(name, id)
}

// freeName gives the name back if it is still the container's.
func (s *Store) freeName(name, id string) error {
	link := filepath.Join(s.names(), name)
	if now, err := os.Readlink(link); err != nil || now != id {
		return nil
	}
	return os.Remove(link)
}

// Rename gives a container another name.
func (s *Store) Rename(id, name string) (old string, err error) {
	_, err = s.Update(id, func(st *State) error {
		if old = st.Name; old == name {
			return nil
		}
		if err := s.takeName(name, id); err != nil {
			return err
		}
		fault.Point("rename.taken")
		st.Name = name
		return nil
	})
	if err == nil && old != name {
		fault.Point("rename.written")
		err = s.freeName(old, id)
	}
	return old, err
}
