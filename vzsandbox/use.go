package vzsandbox

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"vz.internal/vzcontract"
)

// use marks the sandbox as in use, for this and other processes, until done is called.
// The mark is a shared lock of a file, which dies with its process; the file's time is
// that of the last use.
func (s *Sandbox) use(ctx context.Context) (done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return nil, failure("use", s.name, errRetired)
	}
	if s.busy == 0 {
		if s.unlock, err = s.markUse(ctx); err != nil {
			return nil, err
		}
		if s.idle != nil {
			s.idle.Stop()
		}
	}
	s.busy++
	return s.unuse, nil
}

func (s *Sandbox) markUse(ctx context.Context) (unlock func(), err error) {
	name := s.host.records.inUse(s.id)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		// The directory may have been lost, or else the sandbox is gone: then no file
		// must be made for it.
		if _, err := s.host.backend.Inspect(ctx, s.id); err != nil {
			return nil, err
		}
		if err := s.host.records.makeDir(); err != nil {
			return nil, failure("use", s.name, err)
		}
	}
	f, err := lockFile(name, syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, errHeld) {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "it is being removed, since nothing used it")
	}
	if err != nil {
		return nil, failure("use", s.name, err)
	}
	touch(name)
	return func() {
		touch(name)
		_ = f.Close() // which unlocks
	}, nil
}

// touch sets a file's time. Where that fails the file was removed with its sandbox.
func touch(name string) {
	now := time.Now()
	_ = os.Chtimes(name, now, now)
}

func (s *Sandbox) unuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy--; s.busy > 0 {
		return
	}
	s.unlock()
	if s.idle != nil && !s.closed {
		s.idle.Reset(s.facts.Template.IdleTimeout)
	}
}

// KeepAlive counts as a use of the sandbox: its IdleTimeout begins anew, in whichever
// process it is enforced. It touches a file and does not wait for anybody.
func (s *Sandbox) KeepAlive() error {
	ctx, cancel := afterwards(context.Background())
	defer cancel()
	done, err := s.use(ctx)
	if err == nil {
		done()
	}
	return err
}
