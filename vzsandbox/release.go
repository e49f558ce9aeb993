package vzsandbox

import (
	"context"

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
	p.mu.Unlock()
	if !mine {
		return poolFailure("release to", p.opts.Name, vzcontract.Errorf(vzcontract.ErrConflict, "sandbox %s is not handed out by it", s.name))
	}
	busy := s.retire()
	if p.opts.Isolation == IsolationFresh || busy && p.opts.Isolation == IsolationReuse {
		return s.Remove(ctx)
	}
	next, err := p.reset(ctx, s)
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
		return next.Remove(ctx)
	}
	return nil
}

// reset makes a sandbox as new as the pool's isolation says. It returns another Sandbox
// for it, so that who had it has it no more.
func (p *Pool) reset(ctx context.Context, s *Sandbox) (*Sandbox, error) {
	rec, err := p.host.records.read(s.id)
	if err != nil {
		return nil, err
	}
	if rec.Project != nil && !rec.Project.Copy {
		m, err := optional[mounter](p.host, "a mount in a sandbox that runs", featureMount)
		if err != nil {
			return nil, err
		}
		if err := m.RemoveMount(ctx, s.id, s.Workspace()); err != nil {
			return nil, err
		}
	}
	err = p.host.records.update(s.id, func(r *record) error { r.Project = nil; return nil })
	if err != nil {
		return nil, err
	}
	c, err := p.host.backend.Inspect(ctx, s.id)
	if err != nil {
		return nil, err
	}
	next := p.host.sandbox(c, s.facts)
	if p.opts.Isolation == IsolationRestore {
		if err := next.Restore(ctx, poolSnapshot); err != nil {
			return nil, err
		}
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

// retire ends the use of a Sandbox and reports whether something runs.
func (s *Sandbox) retire() (busy bool) {
	s.stopTimers()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	return s.busy > 0
}
