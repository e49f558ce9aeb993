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

// watchIdle begins to enforce the IdleTimeout.
func (s *Sandbox) watchIdle() {
	limit := s.facts.Template.IdleTimeout
	if limit == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = time.AfterFunc(limit, s.removeIdle)
}

// watchTTL begins to enforce the TTL of a sandbox whose container has none.
func (s *Sandbox) watchTTL() {
	ttl := s.facts.Template.TTL
	if ttl == 0 || s.facts.Pool == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ttl = time.AfterFunc(ttl, s.endTTL)
}

// endTTL removes the sandbox.
func (s *Sandbox) endTTL() {
	s.mu.Lock()
	over := !s.closed
	s.closed, s.expired = true, s.expired || over
	s.mu.Unlock()
	if over {
		s.expire(nil)
	}
}

// removeIdle removes the sandbox, or looks again later when it was used meanwhile.
func (s *Sandbox) removeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy > 0 || s.closed {
		return // the end of the use begins the time anew
	}
	lock, left, err := s.leftIdle()
	if left > 0 || errors.Is(err, errHeld) {
		s.idle.Reset(max(left, time.Second))
		return
	}
	log := s.host.log.With("id", s.id)
	if err != nil {
		log.Warn("idle sandbox cannot be removed", "error", err)
		return
	}
	s.closed, s.expired = true, true
	log.Debug("idle sandbox is removed", "after", s.facts.Template.IdleTimeout)
	go s.expire(lock)
}

// leftIdle returns how long the sandbox may stay unused, and when that is not at all a
// lock that keeps users away.
func (s *Sandbox) leftIdle() (lock *os.File, left time.Duration, err error) {
	limit := s.facts.Template.IdleTimeout
	if err := s.host.records.makeDir(); err != nil {
		return nil, 0, err
	}
	name := s.host.records.inUse(s.id)
	last, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, err
	}
	lock, lockErr := lockFile(name, syscall.LOCK_EX|syscall.LOCK_NB)
	if lockErr != nil {
		return nil, limit, lockErr
	}
	if err == nil {
		if left = limit - time.Since(last.ModTime()); left > 0 {
			return nil, left, lock.Close()
		}
	}
	return lock, 0, nil
}

// expire removes the sandbox because its time is over.
func (s *Sandbox) expire(lock *os.File) {
	ctx, cancel := afterwards(context.Background())
	defer cancel()
	if err := s.drop(ctx); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		s.host.log.Warn("sandbox whose time is over cannot be removed", "id", s.id, "error", err)
	}
	if lock != nil {
		_ = lock.Close() // which unlocks
	}
}

// stopTimers ends what removes the sandbox by itself.
func (s *Sandbox) stopTimers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, t := range []*time.Timer{s.idle, s.ttl} {
		if t != nil {
			t.Stop()
		}
	}
}
