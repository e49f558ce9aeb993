package vzsandbox

import (
	"errors"
	"os"
	"syscall"
	"time"

	"vz.internal/vzcontract"
)

// use marks the sandbox as in use, for this and other processes, until done is called.
// The mark is a shared lock of a file, which dies with its process; the file's time is
// that of the last use.
func (s *Sandbox) use() (done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return nil, failure("use", s.name, vzcontract.Errorf(vzcontract.ErrConflict, "it was given back to its pool"))
	}
	if s.busy == 0 {
		if s.unlock, err = s.markUse(); err != nil {
			return nil, failure("use", s.name, err)
		}
		if s.idle != nil {
			s.idle.Stop()
		}
	}
	s.busy++
	return s.unuse, nil
}

func (s *Sandbox) markUse() (unlock func(), err error) {
	r := s.host.records
	if err := r.makeDir(); err != nil {
		return nil, err
	}
	f, err := lockFile(r.inUse(s.id), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, errHeld) {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "it is being removed, since nothing used it")
	}
	if err != nil {
		return nil, err
	}
	touch(f.Name())
	return func() {
		touch(f.Name())
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
// process it is enforced.
func (s *Sandbox) KeepAlive() error {
	done, err := s.use()
	if err == nil {
		done()
	}
	return err
}
