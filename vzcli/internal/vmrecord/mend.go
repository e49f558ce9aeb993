package vmrecord

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// Mend marks a machine as stopped whose process died without doing so, and tells
// whether it was one.
func (r Registry) Mend(name string) (bool, error) {
	s, err := r.Status(name)
	if err != nil || s.Status != Orphan {
		return false, err
	}
	lock, err := r.Lock(name)
	if errors.Is(err, vzcontract.ErrConflict) {
		return false, nil // somebody was faster and runs it
	}
	if err != nil {
		return false, err
	}
	defer lock.Close()
	s.Status, s.PID, s.Stopped, s.Reason = Stopped, 0, time.Now().UTC(), "the process that ran it was killed"
	return true, errors.Join(os.RemoveAll(r.RunDir(name)), r.SetState(name, s))
}

// Await returns when nobody runs the machine.
func (r Registry) Await(ctx context.Context, name string) error {
	f, err := os.OpenFile(filepath.Join(r.Dir(name), lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// flock does not heed ctx: the wait goes on by itself and ends with the
	// machine's process at the latest.
	done := make(chan error, 1)
	go func() {
		err := unix.Flock(int(f.Fd()), unix.LOCK_SH)
		done <- errors.Join(err, f.Close())
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
