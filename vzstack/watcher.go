package vzstack

import (
	"context"
	"sync"
	"time"

	"vz.internal/vzcontract"
)

// A watcher follows the backend's events for as long as a command runs.
type watcher struct {
	mu     sync.Mutex
	bad    map[string]chan struct{} // closed when the container is unhealthy; guarded by mu
	starts map[string]chan struct{} // closed and replaced at each start or end; guarded by mu
	start  func(id string)          // told of each start; guarded by mu
	stop   context.CancelFunc
	ended  chan struct{}
}

// newWatcher follows events from now on, until close.
func (s *Stack) newWatcher(ctx context.Context) *watcher {
	ctx, stop := context.WithCancel(ctx)
	w := &watcher{bad: map[string]chan struct{}{}, starts: map[string]chan struct{}{}, stop: stop, ended: make(chan struct{})}
	since := time.Now()
	go func() {
		defer close(w.ended)
		if s.events != nil {
			// An error here is the end of ctx, or a backend that is gone, which
			// the command's own calls report.
			_ = s.events.Events(ctx, vzcontract.EventOptions{Since: since}, w.see)
		}
	}()
	return w
}

func (w *watcher) close() {
	w.stop()
	<-w.ended
}

func (w *watcher) see(e vzcontract.Event) error {
	if e.Type != "container" {
		return nil
	}
	w.note(e)
	w.mu.Lock()
	start := w.start
	w.mu.Unlock()
	if e.Action == "start" && start != nil {
		start(e.ID)
	}
	return nil
}

func (w *watcher) note(e vzcontract.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Action {
	case "health_status", "health_status: unhealthy":
		if e.Attributes["health"] == string(vzcontract.HealthUnhealthy) || e.Action != "health_status" {
			closeOnce(w.channel(w.bad, e.ID))
		}
	case "start", "die", "destroy":
		close(w.channel(w.starts, e.ID))
		delete(w.starts, e.ID)
		if e.Action == "start" {
			w.renew(e.ID)
		}
	}
}

// onStart has f told of each start of a container.
func (w *watcher) onStart(f func(id string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start = f
}

// renew begins a new life of a container, under mu. Who waits for the verdict
// of this life already goes on waiting: events come later than what they tell.
func (w *watcher) renew(id string) {
	select {
	case <-w.channel(w.bad, id):
		delete(w.bad, id)
	default:
	}
}

// channel returns the channel of a container, under mu.
func (w *watcher) channel(of map[string]chan struct{}, id string) chan struct{} {
	if of[id] == nil {
		of[id] = make(chan struct{})
	}
	return of[id]
}

func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// unhealthy returns a channel that is closed when the container is found
// unhealthy.
func (w *watcher) unhealthy(id string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.channel(w.bad, id)
}

// changed returns a channel that is closed when the container starts, ends or
// is removed.
func (w *watcher) changed(id string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.channel(w.starts, id)
}
