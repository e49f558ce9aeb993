package system

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// The requests of ioctl_fs: who would write to a frozen file system waits until it thaws.
const (
	fiFreeze = 0xC0045877
	fiThaw   = 0xC0045878
)

// Hold writes the file system at path to its disk and keeps it from changing until
// Release. One that is held is vzcontract.ErrConflict.
func Hold(path string) error {
	err := control(path, fiFreeze)
	if errors.Is(err, unix.EBUSY) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the file system at %s is held already", path)
	}
	return err
}

// Release ends Hold.
func Release(path string) error {
	err := control(path, fiThaw)
	if errors.Is(err, unix.EINVAL) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the file system at %s is not held", path)
	}
	return err
}

func control(path string, request uint) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.IoctlSetInt(int(f.Fd()), request, 0); err != nil {
		return &os.PathError{Op: "hold", Path: path, Err: err}
	}
	return nil
}
