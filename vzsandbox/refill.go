package vzsandbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"vz.internal/vzcontract"
)

// poolSnapshot is what IsolationRestore brings sandboxes back to.
const poolSnapshot = "vz-pool"

// refill begins to make what is missing. p.mu is held.
func (p *Pool) refill() {
	for !p.closed && p.making < p.breaker.tries() && len(p.idle)+p.making < p.opts.Size+len(p.waiting) &&
		(p.opts.Max == 0 || len(p.idle)+p.making+len(p.held) < p.opts.Max) {
		p.making++
		p.work.Go(p.makeOne)
	}
}

// breath is how long the one who was just served has the processors to itself.
const breath = 20 * time.Millisecond

// refillSoon is refill in a moment, unless nothing is left for the next. p.mu is held.
func (p *Pool) refillSoon() {
	if len(p.idle) == 0 {
		p.refill()
	}
	if p.soon != nil {
		return
	}
	p.soon = time.AfterFunc(breath, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.soon = nil
		p.refill()
	})
}

// makeOne makes a sandbox and puts it where it is wanted.
func (p *Pool) makeOne() {
	s, err := p.create(p.life)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.making--
	switch {
	case p.closed && err == nil:
		p.held[s] = true // Close removes it
	case p.closed:
	case err != nil:
		p.host.log.Debug("pool cannot make a sandbox", "pool", p.opts.Name, "error", err)
		p.breaker.fail(err, p.retry)
		if open := p.breaker.open(); open != nil {
			p.fail(open)
		}
	default:
		p.breaker.succeed()
		p.put(s)
		p.refill()
	}
}

// create makes one sandbox.
func (p *Pool) create(ctx context.Context) (*Sandbox, error) {
	f, own := p.facts, *p.facts.Pool
	own.Sandbox = p.opts.Name + "-" + randomHex(4)
	f.Pool = &own
	s, err := p.host.create(ctx, f, own.Sandbox)
	if err != nil {
		return nil, err
	}
	if p.opts.Isolation == IsolationRestore {
		if err := s.Snapshot(ctx, poolSnapshot); err != nil {
			return nil, s.discard(ctx, err)
		}
	}
	return s, nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// retry goes on after a pause.
func (p *Pool) retry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.breaker.resume()
	p.refill()
}

// put gives a sandbox to who waits longest, else it becomes idle. p.mu is held.
func (p *Pool) put(s *Sandbox) {
	if len(p.waiting) > 0 {
		p.held[s] = true
		p.waiting[0] <- taken{s: s}
		p.waiting = p.waiting[1:]
		return
	}
	ctx, stop := context.WithCancel(p.life)
	p.idle = append(p.idle, warm{s, stop})
	p.work.Go(func() { p.watch(ctx, s) })
}

// fail ends all Acquires that wait. p.mu is held.
func (p *Pool) fail(err error) {
	for _, w := range p.waiting {
		w <- taken{err: err}
	}
	p.waiting = nil
}

// watch replaces an idle sandbox that ends.
func (p *Pool) watch(ctx context.Context, s *Sandbox) {
	_, err := p.host.backend.Wait(ctx, s.id, vzcontract.WaitNotRunning)
	if ctx.Err() != nil {
		return // it was taken, or the pool closed
	}
	log := p.host.log.With("pool", p.opts.Name, "id", s.id)
	if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		log.Warn("idle sandbox cannot be watched", "error", err) // Acquire looks at it
		return
	}
	p.mu.Lock()
	at := slices.IndexFunc(p.idle, func(w warm) bool { return w.Sandbox == s })
	if at >= 0 {
		p.idle = slices.Delete(p.idle, at, at+1)
	}
	p.refill()
	p.mu.Unlock()
	if at >= 0 {
		log.Debug("idle sandbox of a pool has ended")
		p.destroy(s)
	}
}

// destroy removes a sandbox that is of no use any more.
func (p *Pool) destroy(s *Sandbox) {
	if err := s.discard(context.Background(), nil); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		p.host.log.Warn("sandbox of a pool cannot be removed", "pool", p.opts.Name, "id", s.id, "error", err)
	}
}

// forget takes back the place of a sandbox that was handed out and is removed or kept.
func (p *Pool) forget(s *Sandbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, s)
	p.refill()
}
