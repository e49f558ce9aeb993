package vzsandbox

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"vz.internal/vzcontract"
)

// AcquireOptions of [Pool.Acquire].
type AcquireOptions struct {
	// Project is mounted in the sandbox, which runs already (AbilityLiveMounts), or
	// copied into it.
	Project *Project
	// Name is given to the sandbox (AbilityRename); empty leaves the pool's.
	Name string
	// Labels and Metadata are put over those of the template. The labels are shown by
	// Info; those of a container never change.
	Labels, Metadata map[string]string
	// Wait waits for a sandbox where none is ready, until ctx ends.
	Wait bool
	// Keep makes the sandbox the caller's own: the pool forgets it, and it stays when
	// the pool or its process ends. Its TTL is enforced only while the process lives.
	Keep bool
}

// Acquire hands out a warm sandbox. Where none is ready it waits or fails with
// ErrExhausted, as asked; while making new ones fails, the error matches
// vzcontract.ErrUnavailable and tells the reason. The caller gives it back with Release,
// or removes it.
//
// A sandbox that has died is not handed out. When its project cannot be mounted or
// copied, the sandbox is removed and the error returned, unless it was the sandbox that
// had just ended: then the next one is tried.
func (p *Pool) Acquire(ctx context.Context, opts AcquireOptions) (*Sandbox, error) {
	project, err := p.checkAcquire(opts)
	if err != nil {
		return nil, poolFailure("acquire from", p.opts.Name, err)
	}
	opts.Project = project
	for {
		s, err := p.take(ctx, opts.Wait)
		if err != nil {
			return nil, poolFailure("acquire from", p.opts.Name, err)
		}
		if !p.alive(ctx, s) {
			p.forget(s)
			p.destroy(s)
			continue
		}
		err = s.outfit(ctx, opts)
		if err == nil {
			p.handOver(s, opts.Keep)
			return s, nil
		}
		dead := ctx.Err() == nil && !p.alive(ctx, s)
		p.forget(s)
		p.destroy(s)
		if !dead {
			return nil, poolFailure("acquire from", p.opts.Name, err)
		}
	}
}

// checkAcquire refuses what no sandbox of the pool could give.
func (p *Pool) checkAcquire(opts AcquireOptions) (*Project, error) {
	if err := checkLabels(opts.Labels); err != nil {
		return nil, err
	}
	if opts.Name != "" {
		if _, err := optional[vzcontract.Renamer](p.host, "a name of its own", vzcontract.FeatureRename); err != nil {
			return nil, err
		}
	}
	project, err := p.host.resolve(opts.Project)
	if err != nil || project == nil {
		return nil, err
	}
	if project.Copy {
		_, err = optional[vzcontract.Copier](p.host, "a copy of the project", vzcontract.FeatureCopy)
	} else if _, err = optional[mounter](p.host, "a mount in a sandbox that runs", featureMount); err != nil {
		err = unsupported("%w; Project.Copy works without", err)
	}
	return project, err
}

// take returns an idle sandbox, which is handed out from now on.
func (p *Pool) take(ctx context.Context, wait bool) (*Sandbox, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	p.mu.Lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		return nil, errClosed
	case len(p.idle) > 0:
		w := p.idle[0]
		p.idle = p.idle[1:]
		w.stop()
		p.held[w.Sandbox] = true
		p.refillSoon()
		p.mu.Unlock()
		return w.Sandbox, nil
	}
	if err := p.breaker.open(); err != nil {
		p.mu.Unlock()
		return nil, err
	}
	if !wait {
		defer p.mu.Unlock()
		return nil, vzcontract.Errorf(ErrExhausted, "no sandbox is ready: %d are handed out and %d being made; wait, or make the pool larger", len(p.held), p.making)
	}
	got := make(chan taken, 1)
	p.waiting = append(p.waiting, got)
	p.refill()
	p.mu.Unlock()
	select {
	case t := <-got:
		return t.s, t.err
	case <-ctx.Done():
		return nil, p.leave(ctx, got)
	}
}

// leave ends a wait. A sandbox that came at the same moment goes to the next.
func (p *Pool) leave(ctx context.Context, got chan taken) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = slices.DeleteFunc(p.waiting, func(w chan taken) bool { return w == got })
	select {
	case t := <-got:
		if t.s != nil && !p.closed { // else Close removes it
			delete(p.held, t.s)
			p.put(t.s)
		}
	default:
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return vzcontract.Errorf(vzcontract.ErrTimeout, "wait for a sandbox: %w", context.Cause(ctx))
	}
	return context.Cause(ctx)
}

// alive looks whether a sandbox can be used.
func (p *Pool) alive(ctx context.Context, s *Sandbox) bool {
	c, err := p.host.backend.Inspect(context.WithoutCancel(ctx), s.id)
	return err == nil && c.State == vzcontract.StateRunning && !c.Orphaned
}

// outfit gives a sandbox what its new user asked for.
func (s *Sandbox) outfit(ctx context.Context, opts AcquireOptions) error {
	var expires time.Time
	if ttl := s.facts.Template.TTL; ttl > 0 {
		expires = time.Now().Add(ttl).UTC()
	}
	err := s.host.records.update(s.id, func(r *record) error {
		r.Taken, r.Kept, r.Project, r.Expires = true, opts.Keep, opts.Project, expires
		r.Labels, r.Metadata = maps.Clone(opts.Labels), maps.Clone(opts.Metadata)
		return nil
	})
	if err != nil {
		return err
	}
	if opts.Name != "" {
		if err := s.rename(ctx, opts.Name); err != nil {
			return err
		}
	}
	switch {
	case opts.Project == nil:
		return nil
	case opts.Project.Copy:
		return s.copyProject(ctx, opts.Project)
	}
	return s.addMount(ctx, opts.Project)
}

func (s *Sandbox) rename(ctx context.Context, name string) error {
	r, err := optional[vzcontract.Renamer](s.host, "a name of its own", vzcontract.FeatureRename)
	if err == nil {
		err = r.Rename(ctx, s.id, name)
	}
	if err == nil {
		s.name = name
	}
	return err
}

// handOver begins to enforce a sandbox's times.
func (p *Pool) handOver(s *Sandbox, keep bool) {
	if keep {
		p.forget(s)
	} else {
		s.pool = p
	}
	s.watchIdle()
	s.watchTTL()
}
