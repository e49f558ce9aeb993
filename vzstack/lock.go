package vzstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"vz.internal/vzstack/compose"
)

// lock takes the project for one change, also against other processes. It
// waits for whoever has it, and says so.
func (s *Stack) lock(ctx context.Context, project string) (unlock func(), err error) {
	if err := compose.CheckName(project); err != nil {
		return nil, err
	}
	for told := false; ; {
		if err := s.makeDir(project); err != nil {
			return nil, fmt.Errorf("lock project %s: %w", project, err)
		}
		name := filepath.Join(s.dir(project), "lock")
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, os.ErrNotExist) {
			continue // the project was removed just now
		}
		if err != nil {
			return nil, fmt.Errorf("lock project %s: %w", project, err)
		}
		err = flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			if !told {
				s.cfg.Warn("project " + project + " is being changed by another vz stack: waiting for it")
				told = true
			}
			err = flockContext(ctx, f)
		}
		if err != nil {
			return nil, fmt.Errorf("lock project %s: %w", project, errors.Join(err, f.Close()))
		}
		if same(f, name) {
			return func() { _ = f.Close() }, nil // which unlocks
		}
		_ = f.Close() // whoever had it removed the project with its lock
	}
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// flockContext waits for the lock in a duplicate of the descriptor's goroutine;
// when ctx ends first, the goroutine lets go of the lock as soon as it has it.
func flockContext(ctx context.Context, f *os.File) error {
	got := make(chan error, 1)
	second, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		return err
	}
	waiter := os.NewFile(uintptr(second), f.Name())
	go func() {
		got <- flock(waiter, syscall.LOCK_EX)
		_ = waiter.Close() // the lock belongs to the file that both share
	}()
	select {
	case err := <-got:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// same reports whether name still is the file f.
func same(f *os.File, name string) bool {
	a, errA := f.Stat()
	b, errB := os.Stat(name)
	return errA == nil && errB == nil && os.SameFile(a, b)
}
