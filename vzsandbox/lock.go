package vzsandbox

import (
	"errors"
	"os"
	"syscall"
)

// errHeld: somebody else has the lock.
var errHeld = errors.New("it is in use")

// lockFile opens the file, making it, and locks it as how says. The lock ends when the
// file is closed or its process dies. With LOCK_NB one that somebody has is errHeld.
func lockFile(name string, how int) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := flock(f, how); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if same(f, name) {
			return f, nil
		}
		_ = f.Close() // whoever had it removed it with what it stands for
	}
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return errHeld
		case !errors.Is(err, syscall.EINTR):
			return err
		}
	}
}

// same reports whether name still is the file f.
func same(f *os.File, name string) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(name)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
