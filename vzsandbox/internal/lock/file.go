package lock

import (
	"errors"
	"os"
	"syscall"
)

// ErrHeld: somebody else has the lock.
var ErrHeld = errors.New("it is in use")

// Open opens the file, making it, and locks it as how says (LOCK_EX or LOCK_SH, with
// LOCK_NB). The lock ends when the file is closed or its process dies; removing the file
// before that is the caller's. With LOCK_NB one that somebody has is ErrHeld.
func Open(name string, how int) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := Apply(f, how); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		if same(f, name) {
			return f, nil
		}
		_ = f.Close() // whoever had it removed it with what it stands for
	}
}

// Apply locks an open file as how says.
func Apply(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
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
