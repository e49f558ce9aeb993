package tree

import "sync"

// A Change is something that was done through a View.
type Change struct {
	Path string // without links
	Was  Node   // before, unless Made
	Is   Node   // after, unless Gone
	Made bool   // nothing was there before
	Gone bool   // nothing is there any more
}

// watchers are told of changes.
type watchers struct {
	mu  sync.Mutex
	all map[*func(Change)]bool // guarded by mu
}

// Watch calls f for each change from now on, until stop is called. f does not block and
// does nothing with the view.
func (v *View) Watch(f func(Change)) (stop func()) {
	v.watchers.mu.Lock()
	defer v.watchers.mu.Unlock()
	if v.watchers.all == nil {
		v.watchers.all = map[*func(Change)]bool{}
	}
	v.watchers.all[&f] = true
	return func() {
		v.watchers.mu.Lock()
		defer v.watchers.mu.Unlock()
		delete(v.watchers.all, &f)
	}
}

func (w *watchers) tell(c Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for f := range w.all {
		(*f)(c)
	}
}
