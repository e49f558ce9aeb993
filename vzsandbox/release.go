package vzsandbox

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
)

// Release gives a sandbox back. With IsolationFresh it is removed; else it is made ready
// for the next one, and removed when that fails or, with IsolationReuse, when something
// that s has started still runs. s is of no use any more, whatever the error, which says
// why it could not be used again or removed. One that the pool has not handed out, or
// that was acquired with Keep, is ErrConflict.
func (p *Pool) Release(ctx context.Context, s *Sandbox) error {
	p.mu.Lock()
	mine := p.held[s]
	if mine {
		p.held[s] = false // once
	}
	p.mu.Unlock()
	if !mine {
		return poolFailure("release to", p.opts.Name, vzcontract.Errorf(vzcontract.ErrConflict, "sandbox %s is not handed out by it", s.name))
	}
	busy, expired := s.retire()
	if p.opts.Isolation == IsolationFresh || expired || busy && p.opts.Isolation == IsolationReuse {
		if err := s.drop(ctx); !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
		return nil // somebody else was quicker
	}
	next, err := p.reset(ctx, s)
	if errors.Is(err, vzcontract.ErrConflict) && p.opts.Isolation == IsolationReuse {
		return s.discard(ctx, nil) // a program that was left behind is in the project
	}
	if err != nil {
		return s.discard(ctx, poolFailure("release to", p.opts.Name, err))
	}
	p.mu.Lock()
	delete(p.held, s)
	closed := p.closed
	if !closed {
		p.put(next)
	}
	p.refill()
	p.mu.Unlock()
	if closed {
		return next.drop(ctx)
	}
	return nil
}

// reset makes a sandbox as new as the pool's isolation says. It returns another Sandbox
// for it, so that who had it has it no more.
func (p *Pool) reset(ctx context.Context, s *Sandbox) (*Sandbox, error) {
	c, err := p.host.backend.Inspect(ctx, s.id)
	if err != nil {
		return nil, err
	}
	next := p.host.sandbox(c, s.facts)
	if p.opts.Isolation == IsolationRestore {
		// Programs that use the project are killed first.
		err = next.restore(ctx, poolSnapshot, func() error { return next.takeProject(ctx) })
	} else {
		err = next.takeProject(ctx)
	}
	if err != nil {
		return nil, err
	}
	if next.name != s.facts.Pool.Sandbox {
		if err := next.rename(ctx, s.facts.Pool.Sandbox); err != nil {
			return nil, err
		}
	}
	return next, p.host.records.update(s.id, func(r *record) error {
		*r = record{Snapshots: r.Snapshots, Base: r.Base}
		return nil
	})
}

// takeProject takes a project away that was mounted when the sandbox was handed out.
func (s *Sandbox) takeProject(ctx context.Context) error {
	rec, err := s.host.records.read(s.id)
	if err != nil || rec.Project == nil {
		return err
	}
	if !rec.Project.Copy {
		m, err := optional[mounter](s.host, "a mount in a sandbox that runs", featureMount)
		if err != nil {
			return err
		}
		if err := m.RemoveMount(ctx, s.id, s.Workspace()); err != nil {
			return err
		}
	}
	return s.host.records.update(s.id, func(r *record) error { r.Project = nil; return nil })
}

// retire ends the use of a Sandbox and reports whether something runs, and whether it is
// being removed since its time is over.
func (s *Sandbox) retire() (busy, expired bool) {
	s.stopTimers()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	return s.busy > 0, s.expired
}
