// Package lock keeps other processes, and other goroutines of this one, from
// doing the same at the same time. A lock is a flock of a file of its own: it ends
// with its process, and no file stays behind.
package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Take waits for the lock that the file stands for, making its directory; it calls
// wait, which may be nil, once if somebody has it. The lock ends with unlock.
func Take(ctx context.Context, file string, wait func()) (unlock func(), err error) {
	if err := makeDir(file); err != nil {
		return nil, err
	}
	for {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		err = Apply(f, syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, ErrHeld) {
			if wait != nil {
				wait()
				wait = nil
			}
			err = flockContext(ctx, f)
		}
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", file, errors.Join(err, f.Close()))
		}
		if same(f, file) {
			return release(f), nil
		}
		_ = f.Close() // whoever had it removed the file
	}
}

// Try takes the lock if nobody has it.
func Try(file string) (unlock func(), taken bool, err error) {
	if err := makeDir(file); err != nil {
		return nil, false, err
	}
	f, err := Open(file, syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, ErrHeld):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("lock %s: %w", file, err)
	}
	return release(f), true, nil
}

func makeDir(file string) error { return os.MkdirAll(filepath.Dir(file), 0o700) }

// release removes the file while it is locked, so that nobody who waits for it
// takes it for the lock.
func release(f *os.File) func() {
	return func() {
		_ = os.Remove(f.Name()) // one that stays is found and used again
		_ = f.Close()           // which unlocks
	}
}

// flockContext waits for the lock in a goroutine. When ctx ends first, that one
// lets go of the lock as soon as it has it.
func flockContext(ctx context.Context, f *os.File) error {
	second, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return err
	}
	syscall.CloseOnExec(second)
	waiter, got := os.NewFile(uintptr(second), f.Name()), make(chan error, 1)
	go func() {
		got <- Apply(waiter, syscall.LOCK_EX)
		_ = waiter.Close() // the lock belongs to the file that both share
	}()
	select {
	case err := <-got:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
