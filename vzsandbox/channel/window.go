package channel

import (
	"context"
	"slices"
	"sync"
)

const (
	defaultWindow = 64
	maxWindow     = 1024
)

// slots is what a request with a body of n bytes takes of a window.
func slots(n, window int) int { return min(window, 1+n>>20) }

// A window is the client's account of the server's slots. Requests get them in the
// order in which they came, so that none is passed by forever.
type window struct {
	size int

	mu    sync.Mutex
	free  int     // guarded by mu
	turns []*turn // guarded by mu
}

type turn struct {
	cost int
	come chan struct{} // closed when the slots are the turn's
}

func newWindow(size int) *window { return &window{size: size, free: size} }

// take waits for slots and reports whether it has got them before ctx ended or done
// was closed.
func (w *window) take(ctx context.Context, done <-chan struct{}, cost int) bool {
	w.mu.Lock()
	if len(w.turns) == 0 && w.free >= cost {
		w.free -= cost
		w.mu.Unlock()
		return true
	}
	t := &turn{cost: cost, come: make(chan struct{})}
	w.turns = append(w.turns, t)
	w.mu.Unlock()
	select {
	case <-t.come:
		return true
	case <-ctx.Done():
	case <-done:
	}
	w.leave(t)
	return false
}

// leave gives up a turn, which may have come meanwhile.
func (w *window) leave(t *turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.turns, t); i >= 0 {
		w.turns = slices.Delete(w.turns, i, i+1)
	} else {
		w.free += t.cost
	}
	w.serveLocked()
}

func (w *window) give(cost int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free += cost
	w.serveLocked()
}

// w.mu must be held.
func (w *window) serveLocked() {
	n := 0
	for ; n < len(w.turns) && w.turns[n].cost <= w.free; n++ {
		w.free -= w.turns[n].cost
		close(w.turns[n].come)
	}
	w.turns = slices.Delete(w.turns, 0, n)
}
