//go:build unix

package guest

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// TryLock takes the lock of who runs a machine. One that is held is
// vzcontract.ErrConflict. It is the caller's to close, and ends with the process.
func (s Store) TryLock(id ID) (io.Closer, error) {
	return s.try(id, lockFile, "the machine %s runs")
}

// TryMaking is TryLock for the lock of who makes the container.
func (s Store) TryMaking(id ID) (io.Closer, error) {
	return s.try(id, makingFile, "the container %s is being made")
}

func (s Store) try(id ID, name, held string) (io.Closer, error) {
	f, err := s.openLock(id, name)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, vzcontract.Errorf(vzcontract.ErrConflict, held, id)
		}
		return nil, err
	}
	return f, nil
}

// Lock is TryLock that waits until nobody runs the machine or ctx ends.
func (s Store) Lock(ctx context.Context, id ID) (io.Closer, error) {
	f, err := s.openLock(id, lockFile)
	if err != nil {
		return nil, err
	}
	return wait(ctx, f)
}

// LockAll takes the lock under which names are given.
func (s Store) LockAll(ctx context.Context) (io.Closer, error) {
	if err := os.MkdirAll(s.Home, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(s.Home, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return wait(ctx, f)
}

func (s Store) openLock(id ID, name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.Dir(id), name), os.O_CREATE|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no machine %s", id)
	}
	return f, err
}

// wait locks f. When ctx ends first the lock is given up as soon as it is there.
func wait(ctx context.Context, f *os.File) (io.Closer, error) {
	locked := make(chan error, 1)
	go func() {
		for {
			err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
			if !errors.Is(err, unix.EINTR) {
				locked <- err
				return
			}
		}
	}()
	select {
	case err := <-locked:
		if err != nil {
			_ = f.Close()
			return nil, err
		}
		return f, nil
	case <-ctx.Done():
		go func() {
			<-locked
			_ = f.Close()
		}()
		return nil, ctx.Err()
	}
}
