package vzsandbox

import "sync"

// An output keeps the beginning of what is written to it.
type output struct {
	limit int64 // bytes; negative is none

	mu        sync.Mutex
	data      []byte // guarded by mu
	truncated bool   // guarded by mu
}

// Write takes everything, and keeps what there is room for.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	keep := b
	if room := o.limit - int64(len(o.data)); o.limit >= 0 && int64(len(b)) > room {
		keep, o.truncated = b[:room], true
	}
	o.data = append(o.data, keep...)
	return len(b), nil
}

// take returns what was kept, and whether more was written. Later writes are dropped.
func (o *output) take() (data []byte, truncated bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, truncated = o.data, o.truncated
	o.data, o.limit = nil, 0
	return data, truncated
}
