package channel

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestOutbox puts frames of all lengths in from many goroutines: they come out whole,
// and each goroutine's in order.
func TestOutbox(t *testing.T) {
	const writers, frames = 8, 25
	o := newOutbox()
	wire, batches := bytes.Buffer{}, 0
	done := make(chan struct{})
	var sent sync.WaitGroup
	left := 0
	sent.Add(writers * frames)
	var sender sync.WaitGroup
	sender.Go(func() {
		err := o.send(writerFunc(func(p []byte) (int, error) {
			batches++
			if n := len(p); n > batch && bytes.Count(p, []byte(`"request"`)) > 1 {
				t.Errorf("%d bytes of several frames in one write", n)
			}
			return wire.Write(p)
		}), done, func(uint64) { left++; sent.Done() })
		if err != nil {
			t.Error(err)
		}
	})
	for i := range writers {
		go func() {
			for n := range frames {
				f, _, err := valueFrame(kindRequest, uint64(i*frames+n+1), "body", make([]byte, rand.IntN(batch)))
				if err != nil {
					t.Error(err)
				}
				o.put(letter{uint64(i*frames + n + 1), f})
			}
		}()
	}
	sent.Wait()
	close(done)
	sender.Wait()
	next := make([]int, writers)
	r := newFrameReader(&wire)
	for range writers * frames {
		m := readMessage(t, r)
		i, n := int(m.ID-1)/frames, int(m.ID-1)%frames
		if next[i] != n {
			t.Fatalf("frame %d of %d came where %d was due", n, i, next[i])
		}
		next[i]++
	}
	if left != writers*frames || batches > left {
		t.Errorf("%d frames left in %d writes", left, batches)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
