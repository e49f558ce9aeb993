package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// A lock is a held flock. It dies with its process.
type lock struct{ f *os.File }

// errHeld: somebody else holds the lock.
var errHeld = errors.New("the lock is held")

// acquire waits for the lock of the file at path, which it makes. The end of
// ctx ends the waiting.
func acquire(ctx context.Context, path string, k kind) (*lock, error) {
	for {
		l, err := tryLock(path, k)
		if !errors.Is(err, errHeld) {
			return l, err
		}
		if l, err = waitLock(ctx, path, k); l != nil || err != nil {
			return l, err
		}
	}
}

// tryLock takes the lock, or returns errHeld at once.
func tryLock(path string, k kind) (*lock, error) {
	for {
		f, err := openLock(path)
		if err != nil {
			return nil, err
		}
		if err := flock(f, int(k)|unix.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, errHeld
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if current(f, path) {
			return &lock{f}, nil
		}
		_ = f.Close()
	}
}

// waitLock blocks until the lock is free. It returns nil where the file was
// removed meanwhile by who held it.
func waitLock(ctx context.Context, path string, k kind) (*lock, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	// flock cannot be interrupted: a waiter that gave up lets go as soon as it
	// gets the lock.
	locked := make(chan error, 1)
	go func() { locked <- flock(f, int(k)) }()
	select {
	case err := <-locked:
		if err == nil && current(f, path) {
			return &lock{f}, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, nil
	case <-ctx.Done():
		go func() {
			<-locked
			_ = f.Close()
		}()
		return nil, ctx.Err()
	}
}

// lockExisting takes the lock of a file that must exist, or returns errHeld.
func lockExisting(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errHeld
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return &lock{f}, nil
}

func openLock(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}

// current reports whether path still names f.
func current(f *os.File, path string) bool {
	var held, named unix.Stat_t
	return unix.Fstat(int(f.Fd()), &held) == nil && unix.Lstat(path, &named) == nil && held.Ino == named.Ino && held.Dev == named.Dev
}

func (l *lock) release() { _ = l.f.Close() }

// remove lets go and removes the file. Waiters see that and make a new one.
func (l *lock) remove() {
	_ = os.Remove(l.f.Name())
	l.release()
}
