package channel

import (
	"io"
	"runtime"
	"slices"
	"sync"
)

// batch is up to how many bytes of frames are sent with one write.
const batch = 64 << 10

// An outbox sends frames from a goroutine of its own: whoever puts one in never waits
// for the other side, and frames are whole whatever becomes of who put them in. The
// window bounds what is in it.
type outbox struct {
	wake chan struct{} // capacity 1

	mu    sync.Mutex
	queue []letter // guarded by mu
}

// A letter is a frame and the request that it belongs to.
type letter struct {
	id    uint64
	frame []byte
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

func (o *outbox) put(l letter) {
	o.mu.Lock()
	o.queue = append(o.queue, l)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// remove takes back the frame of id and reports whether it was still there.
func (o *outbox) remove(id uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.queue, func(l letter) bool { return l.id == id })
	if i >= 0 {
		o.queue = slices.Delete(o.queue, i, i+1)
	}
	return i >= 0
}

// send writes what is put in until done is closed or a write fails. It calls leaves
// with the id of each frame just before it goes.
func (o *outbox) send(w io.Writer, done <-chan struct{}, leaves func(id uint64)) error {
	var buf []byte
	var letters []letter
	for {
		select {
		case <-o.wake:
		case <-done:
			return nil
		}
		runtime.Gosched() // others that are ready may have frames for the same write
		for letters = o.take(letters[:0]); len(letters) > 0; letters = o.take(letters[:0]) {
			frames := letters[0].frame
			leaves(letters[0].id)
			if len(letters) > 1 {
				buf = append(buf[:0], frames...)
				for _, l := range letters[1:] {
					leaves(l.id)
					buf = append(buf, l.frame...)
				}
				frames = buf
			}
			clear(letters)
			if _, err := w.Write(frames); err != nil {
				return err
			}
		}
	}
}

// take appends the next frames, as many as fit into a batch but at least one.
func (o *outbox) take(to []letter) []letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	for ; n < len(o.queue); n++ {
		if size += len(o.queue[n].frame); n > 0 && size > batch {
			break
		}
	}
	to = append(to, o.queue[:n]...)
	o.queue = slices.Delete(o.queue, 0, n)
	return to
}
