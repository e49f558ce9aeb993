package fake

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
)

// A Backend runs simulated containers. Make one with New or Open.
type Backend struct {
	vzcontract.NoSharedVM
	dir string // of Open; empty in memory

	mu      sync.Mutex
	st      *state             // guarded by mu
	runs    map[string]*run    // of this process, by container id; guarded by mu
	execs   map[*session]bool  // guarded by mu
	dirty   bool               // st changed since it was saved; guarded by mu
	changed chan struct{}      // closed and replaced by each change; guarded by mu
	owner   *os.File           // lock that shows that this process lives; guarded by mu
	stamp   time.Time          // of the state file that st is; guarded by mu
	closed  bool               // guarded by mu
	stopped context.CancelFunc // ends the background work
	life    context.Context    //nolint:containedctx // the backend's own lifetime
	work    sync.WaitGroup     // background goroutines
}

// Every interface of the contract is implemented.
var (
	_ vzcontract.RuntimeBackend = (*Backend)(nil)
	_ vzcontract.Pauser         = (*Backend)(nil)
	_ vzcontract.Renamer        = (*Backend)(nil)
	_ vzcontract.Updater        = (*Backend)(nil)
	_ vzcontract.Topper         = (*Backend)(nil)
	_ vzcontract.Statser        = (*Backend)(nil)
	_ vzcontract.EventSource    = (*Backend)(nil)
	_ vzcontract.Copier         = (*Backend)(nil)
	_ vzcontract.FileManager    = (*Backend)(nil)
	_ vzcontract.Differ         = (*Backend)(nil)
	_ vzcontract.Committer      = (*Backend)(nil)
	_ vzcontract.Images         = (*Backend)(nil)
	_ vzcontract.Networks       = (*Backend)(nil)
	_ vzcontract.Volumes        = (*Backend)(nil)
	_ vzcontract.SharedVM       = (*Backend)(nil)
	_ vzcontract.Checkpointer   = (*Backend)(nil)
	_ vzcontract.Mounter        = (*Backend)(nil)
	_ vzcontract.Dialer         = (*Backend)(nil)
	_ vzcontract.FileWatcher    = (*Backend)(nil)
)

// New returns an empty backend in memory.
func New() *Backend {
	life, stopped := context.WithCancel(context.Background())
	return &Backend{
		st: newState(), runs: map[string]*run{}, execs: map[*session]bool{},
		changed: make(chan struct{}), life: life, stopped: stopped,
	}
}

// Open returns a backend that keeps its state in dir, so that several
// processes, one after the other or at once, see the same containers.
//
// A program runs in the process that started it. Close waits a moment until
// each program has ended or waits for something; one that waits then goes on
// as a record: it is shown as running, a sleep ends at its time, a signal does
// what it would have done (a trap runs), and nothing else happens in it.
func Open(dir string) (*Backend, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "open fake backend: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "open fake backend: %w", err)
	}
	b := New()
	b.dir = dir
	unlock, err := b.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	return b, nil
}

// BackendName implements vzcontract.Identity.
func (b *Backend) BackendName() string { return "fake" }

// Isolation implements vzcontract.Identity.
func (b *Backend) Isolation() vzcontract.Isolation { return vzcontract.IsolationNone }

// lacks are the features that there are not.
var lacks = vzcontract.Capabilities{Missing: map[vzcontract.Feature]string{
	vzcontract.FeatureDiskLimit: "the files of simulated containers are in memory",
}}

// Capabilities implements vzcontract.Identity.
func (b *Backend) Capabilities() vzcontract.Capabilities {
	return vzcontract.Capabilities{Missing: maps.Clone(lacks.Missing)}
}

// Close implements vzcontract.RuntimeBackend. In memory the containers end
// with it; with a directory they stay as records.
func (b *Backend) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	runs := make([]*run, 0, len(b.runs))
	for _, r := range b.runs {
		runs = append(runs, r)
	}
	b.mu.Unlock()
	if b.dir != "" {
		settle, cancel := context.WithTimeout(context.Background(), settleTime)
		for _, r := range runs {
			r.kernel.WaitIdle(settle)
		}
		cancel()
		for _, r := range runs {
			r.out.flush()
		}
	}
	return b.shutDown()
}

// settleTime is how long Close lets programs come to a point where they wait.
const settleTime = time.Second

func (b *Backend) shutDown() error {
	unlock, err := b.lock()
	if err != nil {
		return err
	}
	var doomed []*sim.Process
	for id, r := range b.runs {
		r.abandoned = true
		if c := b.st.Containers[id]; c != nil {
			c.Traps = r.traps()
			c.Owner = ""
			b.touch()
		}
		r.kernel.Resume()
		doomed = append(doomed, r.main)
	}
	for s := range b.execs {
		doomed = append(doomed, s.proc)
	}
	owner := b.owner
	b.owner = nil
	unlock()
	for _, p := range doomed {
		p.KillTree() // not under the lock, which their last output needs
	}
	b.stopped()
	b.work.Wait()
	if owner != nil {
		_ = os.Remove(owner.Name()) // an unlocked one counts as dead as well
		return owner.Close()
	}
	return nil
}

// goes runs f in the background until the backend closes.
func (b *Backend) goes(f func()) {
	b.work.Go(f)
}

// touch notes a change of the state, under mu.
func (b *Backend) touch() {
	b.dirty = true
	close(b.changed)
	b.changed = make(chan struct{})
}

// poll is how often a backend with a directory looks for what other processes
// changed.
const poll = 10 * time.Millisecond

// await calls check under the lock, again after each change, until it reports
// true or fails, or ctx ends.
func (b *Backend) await(ctx context.Context, check func() (bool, error)) error {
	for {
		unlock, err := b.lock()
		if err != nil {
			return err
		}
		done, err := check()
		changed := b.changed
		unlock()
		if done || err != nil {
			return err
		}
		var again <-chan time.Time
		if b.dir != "" {
			again = time.After(poll)
		}
		select {
		case <-changed:
		case <-again:
		case <-ctx.Done():
			return contextError(ctx)
		}
	}
}

// contextError classifies the end of ctx.
func contextError(ctx context.Context) error {
	err := context.Cause(ctx)
	if ctx.Err() == context.DeadlineExceeded { //nolint:errorlint // ctx.Err returns it as it is
		return vzcontract.Errorf(vzcontract.ErrTimeout, "wait: %w", err)
	}
	return err
}
