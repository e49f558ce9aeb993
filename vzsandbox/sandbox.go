package vzsandbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"vz.internal/vzcontract"
)

// A Sandbox is a place to run commands and keep files. Its methods are safe for
// concurrent use. Several Sandboxes, also of several processes, can be the same one;
// after it was removed, methods fail with ErrNotFound, and while it does not run, those
// that need that with ErrConflict.
type Sandbox struct {
	host  *Host
	id    string
	name  string
	facts facts
	pool  *Pool // that handed it out; nil for none

	mu      sync.Mutex
	busy    int         // commands and transfers under way; guarded by mu
	unlock  func()      // ends the mark of use for other processes; guarded by mu
	idle    *time.Timer // removes it; nil for none; guarded by mu
	ttl     *time.Timer // likewise; guarded by mu
	closed  bool        // no timer begins any more; guarded by mu
	expired bool        // it is being removed since its time is over; guarded by mu
	retired bool        // it was given back to its pool; guarded by mu
}

// ID is that of the container.
func (s *Sandbox) ID() string { return s.id }

// Name is that of the container when the Sandbox was made, acquired or opened.
func (s *Sandbox) Name() string { return s.name }

// Workspace is the directory, inside, in which commands start.
func (s *Sandbox) Workspace() string { return s.facts.Template.workspace() }

// Pause freezes all processes. Commands cannot be started until Resume; those that run
// go on then. A second Pause does nothing. Time limits go on meanwhile. Without
// AbilityPause it is ErrUnsupported, as is Resume.
func (s *Sandbox) Pause(ctx context.Context) error {
	p, err := s.pauser("pause")
	if err != nil {
		return err
	}
	return p.Pause(ctx, s.id)
}

// Resume ends a pause; one that is not paused stays as it is.
func (s *Sandbox) Resume(ctx context.Context) error {
	p, err := s.pauser("resume")
	if err != nil {
		return err
	}
	return p.Resume(ctx, s.id)
}

func (s *Sandbox) pauser(op string) (vzcontract.Pauser, error) {
	if err := s.mine(op); err != nil {
		return nil, err
	}
	p, err := optional[vzcontract.Pauser](s.host, op, vzcontract.FeaturePause)
	return p, failure(op, s.name, err)
}

// mine refuses a Sandbox that was given back: somebody else may have it now.
func (s *Sandbox) mine(op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return failure(op, s.name, errRetired)
	}
	return nil
}

var errRetired = vzcontract.Errorf(vzcontract.ErrConflict, "it was given back to its pool")

// Remove kills what runs in the sandbox and removes it with all its files and
// snapshots. One that was acquired from a pool can be removed in place of Pool.Release;
// after that it is somebody else's and ErrConflict.
func (s *Sandbox) Remove(ctx context.Context) error {
	if err := s.mine("remove"); err != nil {
		return err
	}
	return s.drop(ctx)
}

// drop removes the sandbox whoever has it.
func (s *Sandbox) drop(ctx context.Context) error {
	s.stopTimers()
	err := s.remove(ctx)
	if s.pool != nil && (err == nil || errors.Is(err, vzcontract.ErrNotFound)) {
		s.pool.forget(s)
	}
	return err
}

func (s *Sandbox) remove(ctx context.Context) error {
	if err := s.host.records.update(s.id, func(r *record) error { r.Draining = true; return nil }); err != nil {
		s.host.log.DebugContext(ctx, "sandbox is removed without a note of it", "id", s.id, "error", err)
	}
	err := s.host.backend.Remove(ctx, s.id, vzcontract.RemoveOptions{Force: true, Volumes: true})
	if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		return err
	}
	return errors.Join(err, failure("remove", s.name, s.host.records.forget(s.id)))
}

// Close ends what this process does for the sandbox, which stays: its IdleTimeout is
// enforced no more. It does not end commands.
func (s *Sandbox) Close() error {
	s.stopTimers()
	return nil
}
