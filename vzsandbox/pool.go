package vzsandbox

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"vz.internal/vzcontract"
)

// An Isolation says what may be left of the one who had a pool's sandbox before.
type Isolation string

// The isolations. The empty one means IsolationFresh.
const (
	// IsolationFresh never hands out a sandbox twice.
	IsolationFresh Isolation = "fresh"
	// IsolationRestore puts the files back to what they were at first, and kills all
	// programs, before a sandbox is handed out again. Needs AbilitySnapshots.
	IsolationRestore Isolation = "restore"
	// IsolationReuse hands it out as it is left: files, and programs that still run.
	// Only its project is taken away.
	IsolationReuse Isolation = "reuse"
)

// PoolOptions of [Host.NewPool].
type PoolOptions struct {
	// Name is that of the pool: its sandboxes are called NAME-…, and a pool of the same
	// name finds what a process that was killed has left. Several pools may have it.
	Name string
	// Size is how many sandboxes are kept warm, at least 1.
	Size int
	// Max bounds the sandboxes of the pool altogether: warm, being made and handed
	// out, but for those that were acquired with Keep; 0 is no bound.
	Max       int
	Isolation Isolation
}

// A Pool keeps sandboxes of one template warm. Its methods are safe for concurrent use.
// It belongs to one process: what it made, but for sandboxes acquired with Keep, goes
// with Close, or after a death of the process with [Host.Sweep] or the next pool of its
// name.
//
// In the background it makes new ones for those that were handed out or have died. After
// failures it pauses, longer each time, and then tries one; when three in a row have failed,
// or one for a reason that will not go away, Acquire gives that reason until one succeeds.
type Pool struct {
	host  *Host
	facts facts
	opts  PoolOptions
	lock  *os.File // shows that this process lives

	life context.Context //nolint:containedctx // the pool's own, ended by Close
	end  context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	idle    []warm            // oldest first; guarded by mu
	held    map[*Sandbox]bool // handed out; false while it is given back; guarded by mu
	making  int               // guarded by mu
	waiting []chan taken      // of Acquire, first come first; guarded by mu
	breaker breaker           // guarded by mu
	soon    *time.Timer       // refills in a moment; nil for none; guarded by mu
	closed  bool              // guarded by mu
}

// A warm sandbox waits to be handed out. stop ends the watch over it.
type warm struct {
	*Sandbox
	stop context.CancelFunc
}

// taken is what an Acquire that waits gets.
type taken struct {
	s   *Sandbox
	err error
}

// NewPool begins to fill a pool and does not wait for it; ctx is for this call alone.
// It removes what killed processes have left of pools of the same name. A template that
// the host cannot honour is refused as by Create. The caller closes the pool.
func (h *Host) NewPool(ctx context.Context, t Template, opts PoolOptions) (*Pool, error) {
	f, err := h.poolFacts(t, &opts)
	if err != nil {
		return nil, poolFailure("open", opts.Name, err)
	}
	if _, err := h.sweep(ctx, opts.Name); err != nil {
		return nil, poolFailure("open", opts.Name, err)
	}
	p := &Pool{host: h, facts: f, opts: opts, held: map[*Sandbox]bool{}}
	if p.lock, f.Pool.Lock, err = h.records.lockPool(opts.Name); err != nil {
		return nil, poolFailure("open", opts.Name, err)
	}
	p.life, p.end = context.WithCancel(context.WithoutCancel(ctx))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refill()
	return p, nil
}

func (h *Host) poolFacts(t Template, opts *PoolOptions) (f facts, err error) {
	switch {
	case !vzcontract.ValidName(opts.Name):
		return f, invalid("invalid name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", opts.Name)
	case opts.Size < 1 || opts.Max < 0 || opts.Max > 0 && opts.Max < opts.Size:
		return f, invalid("its size %d must be at least 1, and at most its bound %d", opts.Size, opts.Max)
	}
	switch opts.Isolation {
	case "":
		opts.Isolation = IsolationFresh
	case IsolationFresh, IsolationReuse:
	case IsolationRestore:
		if _, err := optional[vzcontract.Checkpointer](h, "isolation restore", vzcontract.FeatureCheckpoint); err != nil {
			return f, err
		}
	default:
		return f, invalid("unknown isolation %q: known are fresh, restore and reuse", opts.Isolation)
	}
	if f, err = h.factsFor(t, CreateOptions{}); err != nil {
		return f, err
	}
	f.Pool = &poolFacts{Name: opts.Name}
	return f, h.enforce(new(vzcontract.RunConfig), t)
}

func poolFailure(op, name string, err error) error {
	return &vzcontract.Error{Op: op, Kind: "sandbox pool", Name: name, Class: vzcontract.SentinelOf(vzcontract.CodeOf(err)), Err: err}
}

// PoolStatus tells what a pool has at a moment.
type PoolStatus struct {
	Name   string `json:"name"`
	Idle   int    `json:"idle"` // warm
	Making int    `json:"making"`
	Taken  int    `json:"taken"` // handed out
	// Failures in a row of making one, and the last of them.
	Failures int   `json:"failures,omitempty"`
	Err      error `json:"-"`
	// RetryAt is when the pause after a failure ends; zero is no pause.
	RetryAt time.Time `json:"retryAt,omitzero"`
}

// Status tells what the pool has now.
func (p *Pool) Status() PoolStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PoolStatus{
		Name: p.opts.Name, Idle: len(p.idle), Making: p.making, Taken: len(p.held),
		Failures: p.breaker.failures, Err: p.breaker.err, RetryAt: p.breaker.retryAt,
	}
}

// Close ends the pool: it removes its sandboxes, idle ones and those that were handed
// out without Keep, and ends Acquires that wait with ErrConflict. A second Close does
// nothing.
func (p *Pool) Close(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.breaker.stop()
	p.fail(errClosed)
	p.mu.Unlock()
	p.end()
	p.work.Wait()
	var errs []error
	for _, s := range p.empty() {
		if err := s.drop(ctx); !errors.Is(err, vzcontract.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	if err := join(errs); err != nil {
		return errors.Join(err, p.lock.Close()) // the lock's file says that something is left
	}
	return errors.Join(remove(p.host.records.pool(p.facts.Pool.Lock)), p.lock.Close())
}

var errClosed = vzcontract.Errorf(vzcontract.ErrConflict, "the pool was closed")

// empty takes all sandboxes from a pool that is closed.
func (p *Pool) empty() []*Sandbox {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*Sandbox
	for _, w := range p.idle {
		w.stop()
		all = append(all, w.Sandbox)
	}
	for s := range p.held {
		all = append(all, s)
	}
	p.idle = nil
	clear(p.held)
	return all
}
