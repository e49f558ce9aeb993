package ipsw

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// openLock opens the lock of an image. It lies beside the image's directory and stays
// when that goes: who waits for it waits for the same file as all others.
func (c Cache) openLock(key string) (*os.File, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(c.Dir, key+lockSuffix), os.O_CREATE|os.O_RDWR, 0o600)
}

// tryLock takes the lock, or fails with an error that matches vzcontract.ErrConflict.
func (c Cache) tryLock(key string) (*os.File, error) {
	f, err := c.openLock(key)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "the restore image %s is in use", key)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// lock takes the lock for a request. It says so when it has to wait.
func (c Cache) lock(ctx context.Context, r Request) (*os.File, error) {
	f, err := c.tryLock(r.key())
	if !errors.Is(err, vzcontract.ErrConflict) {
		return f, err
	}
	r.tell(Waiting, 0, 0)
	if f, err = c.openLock(r.key()); err != nil {
		return nil, err
	}
	// flock does not heed ctx: after that has ended, the wait goes on by itself and gives
	// the lock back.
	taken := make(chan error)
	go func() {
		err := flock(f)
		select {
		case taken <- err:
		case <-ctx.Done():
			_ = f.Close()
		}
	}()
	select {
	case err := <-taken:
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// flock waits for the lock, also when signals arrive.
func flock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// busy tells whether somebody has the lock.
func (c Cache) busy(key string) bool {
	f, err := c.openLock(key)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// free returns how many bytes this process can write below dir.
func free(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return s.Bavail * uint64(s.Bsize), nil //nolint:gosec,unconvert // its type differs by system
}
