package vmrecord

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

const (
	draftPrefix = ".new-"
	guardFile   = ".making" // its lock is shared by all who make a machine
)

// A Draft is a machine that is being made. Its directory becomes the machine's with
// Commit; Close removes what did not.
type Draft struct {
	Dir      string
	registry Registry
	name     string
	guard    *os.File
}

// Draft begins to make a machine. A name in use is an error that matches
// vzcontract.ErrConflict.
func (r Registry) Draft(name string) (*Draft, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if exists(r.Dir(name)) {
		return nil, taken(name)
	}
	guard, err := r.guard(unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(r.Dir(name)), draftPrefix)
	if err != nil {
		return nil, errors.Join(err, guard.Close())
	}
	return &Draft{Dir: dir, registry: r, name: name, guard: guard}, nil
}

func taken(name string) error {
	return vzcontract.Errorf(vzcontract.ErrConflict, "there is a virtual machine called %s", name)
}

// guard takes the lock of those who make machines, or of who sweeps.
func (r Registry) guard(how int) (*os.File, error) {
	dir := filepath.Dir(r.Dir("x"))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, guardFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// Commit writes the record. The machine with all its files appears at once, or not at
// all.
func (d *Draft) Commit(rec Record) error {
	if err := write(filepath.Join(d.Dir, configFile), rec); err != nil {
		return err
	}
	if err := write(filepath.Join(d.Dir, stateFile), State{Status: Stopped}); err != nil {
		return err
	}
	// Whoever opens it first, root perhaps, finds it as the owner's.
	if err := os.WriteFile(filepath.Join(d.Dir, lockFile), nil, 0o600); err != nil {
		return err
	}
	final := d.registry.Dir(d.name)
	err := os.Rename(d.Dir, final)
	if errors.Is(err, fs.ErrExist) || err != nil && exists(final) {
		return taken(d.name)
	}
	return err
}

// Close ends the making.
func (d *Draft) Close() error {
	return errors.Join(os.RemoveAll(d.Dir), d.guard.Close())
}

// Sweep removes what those have left who were killed while they made a machine, unless
// somebody makes one right now.
func (r Registry) Sweep() error {
	guard, err := r.guard(unix.LOCK_EX | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	defer guard.Close()
	dir := filepath.Dir(guard.Name())
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), draftPrefix) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}
