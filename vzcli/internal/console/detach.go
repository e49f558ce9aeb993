package console

import (
	"bytes"
	"io"
	"sync"
)

// A detacher passes input on until the keys were typed; then it ends the
// input and closes detached. A sequence that turns out to be something else is
// passed on as it was typed.
type detacher struct {
	in       io.Reader
	keys     []byte
	detached chan struct{}

	once    sync.Once
	matched int    // keys held back
	pending []byte // passed on before anything new is read
	err     error  // of in, once pending is empty
}

func newDetacher(in io.Reader, keys []byte) *detacher {
	return &detacher{in: in, keys: keys, detached: make(chan struct{})}
}

// Read implements io.Reader.
func (d *detacher) Read(p []byte) (int, error) {
	for len(d.pending) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		buf := make([]byte, max(len(p), 1))
		n, err := d.in.Read(buf)
		d.err = err
		if d.scan(buf[:n]) {
			d.once.Do(func() { close(d.detached) })
			d.err = io.EOF
		} else if err != nil {
			d.flush()
		}
	}
	n := copy(p, d.pending)
	d.pending = d.pending[n:]
	return n, nil
}

// scan adds input to pending and reports whether the keys are complete. What
// is held back is always the longest end of the input that begins the keys.
func (d *detacher) scan(input []byte) bool {
	for _, b := range input {
		held := append(bytes.Clone(d.keys[:d.matched]), b)
		for !bytes.HasPrefix(d.keys, held) {
			d.pending = append(d.pending, held[0])
			held = held[1:]
		}
		if d.matched = len(held); d.matched == len(d.keys) {
			return true
		}
	}
	return false
}

// flush gives up on a sequence that was begun.
func (d *detacher) flush() {
	d.pending = append(d.pending, d.keys[:d.matched]...)
	d.matched = 0
}
