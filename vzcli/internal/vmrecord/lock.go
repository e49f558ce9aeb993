package vmrecord

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// Lock takes the machine's lock for as long as the returned file is open. One that
// is held is an error that matches vzcontract.ErrConflict.
func (r Registry) Lock(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(r.Dir(name), lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "the virtual machine %s runs", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// held tells whether somebody runs the machine, without taking the lock from those
// who try at the same time: shared locks do not hinder each other.
func (r Registry) held(name string) (bool, error) {
	f, err := os.OpenFile(filepath.Join(r.Dir(name), lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, err
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}
