package vzstack

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// A Line is one line of a container's output, its line end included.
type Line struct {
	Container plan.Container
	Time      time.Time
	Stream    string // "stdout" or "stderr"
	Text      []byte // valid until the function it is given to returns
}

// A Follower shows the output of containers as it comes, through restarts,
// until each has ended for good.
type Follower struct {
	stack  *Stack
	ctx    context.Context //nolint:containedctx // the follower's own lifetime
	emit   func(Line) error
	exited func(c plan.Container, status vzcontract.ExitStatus)
	watch  *watcher

	mu     sync.Mutex
	seen   map[string]bool // container ids; guarded by mu
	active int             // containers that have not ended; guarded by mu
	idle   chan struct{}   // closed when none is left after Wait was called; guarded by mu
	err    error           // of emit; guarded by mu
}

// Follow returns a Follower. emit gets one line at a time; exited, which may
// be nil, is told of each container that has ended. Close ends it.
func (s *Stack) Follow(ctx context.Context, emit func(Line) error, exited func(plan.Container, vzcontract.ExitStatus)) *Follower {
	return &Follower{stack: s, ctx: ctx, emit: emit, exited: exited, watch: s.newWatcher(ctx), seen: map[string]bool{}}
}

// Add follows one more container; one that is followed already is left alone.
func (f *Follower) Add(name string, from vzcontract.LogOptions) error {
	info, err := f.stack.cfg.Backend.Inspect(f.ctx, name)
	if err != nil {
		return err
	}
	c, _ := plan.ContainerOf(info)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[info.ID] {
		return nil
	}
	f.seen[info.ID] = true
	f.active++
	go func() {
		f.follow(c, from)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.seen, info.ID) // it may be started again
		if f.active--; f.active == 0 && f.idle != nil {
			close(f.idle)
			f.idle = nil
		}
	}()
	return nil
}

// AddNew follows from now on each container of the project that starts and
// that wanted accepts.
func (f *Follower) AddNew(project string, wanted func(plan.Container) bool) {
	f.watch.onStart(func(id string) {
		c, err := f.stack.Inspect(f.ctx, id)
		if err == nil && c.Project == project && wanted(c) {
			// One that is gone already has nothing to follow.
			_ = f.Add(id, vzcontract.LogOptions{Tail: -1, Since: c.StartedAt})
		}
	})
}

// Wait returns when all containers have ended, or emit has failed.
func (f *Follower) Wait() error {
	f.mu.Lock()
	if f.active > 0 {
		idle := make(chan struct{})
		f.idle = idle
		f.mu.Unlock()
		<-idle
		f.mu.Lock()
	}
	defer f.mu.Unlock()
	return f.err
}

// Close lets go of the backend's events.
func (f *Follower) Close() { f.watch.close() }

// follow shows one container's output, life after life.
func (f *Follower) follow(c plan.Container, from vzcontract.LogOptions) {
	from.Follow = true
	lines := &lineBuffer{container: c, emit: f.give}
	for {
		changed := f.watch.changed(c.ID)
		err := f.stack.cfg.Backend.Logs(f.ctx, c.ID, from, lines.entry)
		if err == nil {
			err = lines.flush()
		}
		if err != nil {
			f.fail(err)
			return
		}
		info, err := f.stack.cfg.Backend.Inspect(f.ctx, c.ID)
		if err != nil {
			f.fail(err)
			return
		}
		if !lines.last.IsZero() {
			from.Since, from.Tail = lines.last.Add(1), -1
		}
		if info.State == vzcontract.StateStopped && !info.Restarting {
			if f.exited != nil && info.Exit != nil {
				f.exited(c, *info.Exit)
			}
			return
		}
		if !info.Restarting {
			continue
		}
		select {
		case <-changed:
		case <-f.ctx.Done():
			return
		}
	}
}

func (f *Follower) give(l Line) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = f.emit(l)
	}
	return f.err
}

// fail keeps an error that is not just the end: of the command, or of a
// container that was removed.
func (f *Follower) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil && f.ctx.Err() == nil && !errors.Is(err, vzcontract.ErrNotFound) {
		f.err = err
	}
}

// A lineBuffer joins parts of lines, for each stream apart.
type lineBuffer struct {
	container plan.Container
	emit      func(Line) error
	parts     map[string][]byte
	last      time.Time
}

// maxPart bounds a line that does not end.
const maxPart = 64 << 10

func (b *lineBuffer) entry(e vzcontract.LogEntry) error {
	b.last = e.Time
	text := e.Line
	if held := b.parts[e.Stream]; len(held) > 0 {
		text = append(held, text...)
		delete(b.parts, e.Stream)
	}
	if !bytes.HasSuffix(text, []byte("\n")) && len(text) < maxPart {
		if b.parts == nil {
			b.parts = map[string][]byte{}
		}
		b.parts[e.Stream] = bytes.Clone(text)
		return nil
	}
	return b.emit(Line{Container: b.container, Time: e.Time, Stream: e.Stream, Text: text})
}

// flush gives out lines that never ended.
func (b *lineBuffer) flush() error {
	for _, stream := range []string{"stdout", "stderr"} {
		if text := b.parts[stream]; len(text) > 0 {
			delete(b.parts, stream)
			if err := b.emit(Line{Container: b.container, Time: b.last, Stream: stream, Text: append(text, '\n')}); err != nil {
				return err
			}
		}
	}
	return nil
}
