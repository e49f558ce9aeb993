package vzf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/internal/usernet"
)

// A run is a guest of the framework from its start to its end.
type run struct {
	guest   guest
	network *usernet.Network // nil without
	cable   *os.File         // nil without: the guest's end
	console string           // for what to read if it breaks
	turn    chan struct{}    // holds a value while the guest is told something
	exited  chan error
	ended   chan struct{}
	once    sync.Once

	mu     sync.Mutex
	paused bool // guarded by mu
	saved  bool // guarded by mu: it is paused since it was saved
}

func newRun(console string) *run {
	return &run{console: console, turn: make(chan struct{}, 1), exited: make(chan error, 1), ended: make(chan struct{})}
}

// do has the guest do something that cannot be interrupted. If ctx ends before, do
// returns; what the guest then still does is undone, before it is told anything else.
func (r *run) do(ctx context.Context, doing string, act, undo func() error) error {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	result, late := make(chan error), make(chan struct{})
	go func() {
		defer func() { <-r.turn }()
		err := act()
		select {
		case result <- err:
		case <-late:
			if err == nil && undo != nil {
				if err := undo(); err != nil {
					r.end(explain("undo "+doing, err))
				}
			}
		}
	}()
	select {
	case err := <-result:
		return explain(doing, err)
	case <-ctx.Done():
		close(late)
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
}

// watch follows the guest's phases to its end. Those before it lived are of its making.
func (r *run) watch() {
	for live := false; ; {
		p, ok := r.guest.next(r.ended)
		switch {
		case !ok:
			return
		case p == phaseLive:
			live = true
		case p == phaseStopped && live:
			r.end(nil)
		case p == phaseFailed:
			r.end(r.failure())
		}
	}
}

// failure is all that the framework lets know of a guest that broke.
func (r *run) failure() error {
	if r.console == "" {
		return errors.New("the machine has ended after an error of Virtualization.framework")
	}
	return fmt.Errorf("the machine has ended after an error of Virtualization.framework; what its guest wrote last is in %s", r.console)
}

// end releases what the run has besides the guest. The first reason counts.
func (r *run) end(reason error) {
	r.once.Do(func() {
		if r.network != nil {
			r.network.Close()
		}
		if _, saved := r.noted(); r.cable != nil && !saved { // a saved guest has it still
			_ = r.cable.Close()
		}
		r.exited <- reason
		close(r.ended)
	})
}

// over tells whether the run has ended.
func (r *run) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

func (r *run) note(paused, saved bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.paused, r.saved = paused, saved
}

func (r *run) noted() (paused, saved bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.paused, r.saved
}

func (r *run) pause(ctx context.Context) error {
	err := r.do(ctx, "pause", r.guest.pause, r.guest.resume)
	if err == nil {
		r.note(true, false)
	}
	return err
}

func (r *run) resume(ctx context.Context) error {
	err := r.do(ctx, "resume", r.guest.resume, r.guest.pause)
	if err == nil {
		r.note(false, false)
	}
	return err
}

// stop ends the guest and returns when it has ended. One that was saved is left as it
// is: the framework would write to its disks once more, which spoils what was saved. It
// ends with the process.
func (r *run) stop(ctx context.Context) error {
	if _, saved := r.noted(); saved {
		keep(r)
		r.end(nil)
		return nil
	}
	err := r.do(ctx, "stop", r.guest.stop, nil)
	if err != nil && !r.over() && !errors.Is(err, vzcontract.ErrConflict) {
		return err
	}
	// A conflict is a guest that has just stopped by itself.
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), err)
	}
}

// kept are runs whose guests must not be torn down, as the garbage collector would do.
var kept struct {
	mu   sync.Mutex
	runs []*run // guarded by mu
}

func keep(r *run) {
	kept.mu.Lock()
	defer kept.mu.Unlock()
	kept.runs = append(kept.runs, r)
}
