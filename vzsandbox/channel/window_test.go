package channel

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

func TestSlots(t *testing.T) {
	for _, tt := range []struct{ n, window, want int }{
		{0, 64, 1}, {1<<20 - 1, 64, 1}, {1 << 20, 64, 2}, {MaxFrame, 64, 17}, {MaxFrame, 16, 16}, {MaxFrame, 1, 1},
	} {
		if got := slots(tt.n, tt.window); got != tt.want {
			t.Errorf("slots(%d, %d) = %d, want %d", tt.n, tt.window, got, tt.want)
		}
	}
}

// TestWindowHolds has many take random costs, some of them without patience: never is
// more out than there is, and all is back at the end.
func TestWindowHolds(t *testing.T) {
	const size = 20
	w := newWindow(size)
	var out, taken atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(3) == 0 {
					go cancel()
				}
				cost := 1 + rand.IntN(size)
				if w.take(ctx, nil, cost) {
					if n := out.Add(int64(cost)); n > size {
						t.Errorf("%d of %d slots are out", n, size)
					}
					out.Add(-int64(cost))
					taken.Add(1)
					w.give(cost)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if w.free != size || len(w.turns) != 0 || taken.Load() < 50*200/3 {
		t.Errorf("%d of %d slots are free, %d wait, %d were served", w.free, size, len(w.turns), taken.Load())
	}
}

func TestWindowIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(4)
		done := make(chan struct{})
		if !w.take(t.Context(), done, 4) {
			t.Fatal("nothing of a fresh window")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var served []int
		for i, cost := range []int{3, 4, 1, 1} { // the 4 gives up, the 1s must not pass the 3
			ctx := ctx
			if i != 1 {
				ctx = t.Context()
			}
			go func() {
				if w.take(ctx, done, cost) {
					served = append(served, i)
				}
			}()
			synctest.Wait()
		}
		w.give(2)
		synctest.Wait()
		if len(served) != 0 {
			t.Fatalf("%v were served before the first", served)
		}
		w.give(1)
		synctest.Wait()
		cancel()
		synctest.Wait()
		w.give(1)
		synctest.Wait()
		if !slices.Equal(served, []int{0, 2}) {
			t.Errorf("served %v, want 0 and 2", served)
		}
		close(done)
		synctest.Wait()
		if len(w.turns) != 0 || w.free != 0 {
			t.Errorf("%d wait, %d are free after the end", len(w.turns), w.free)
		}
	})
}

// TestOutbox puts frames of all lengths in from many goroutines: they come out whole,
// and each goroutine's in order.
func TestOutbox(t *testing.T) {
	const writers, frames = 20, 100
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
