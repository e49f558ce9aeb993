package store

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// A lock whose holder removes its file still keeps others out.
func TestLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var holders atomic.Int32
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			l, err := acquire(t.Context(), path, exclusive)
			if err != nil {
				t.Error(err)
				return
			}
			if n := holders.Add(1); n != 1 {
				t.Errorf("%d hold the lock", n)
			}
			holders.Add(-1)
			l.remove()
		})
	}
	wait.Wait()
	if exists(path) {
		t.Error("the file is left")
	}
}

func TestLockGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := acquire(t.Context(), path, exclusive)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() {
		_, err := acquire(ctx, path, shared)
		got <- err
	}()
	cancel()
	if err := <-got; !errors.Is(err, context.Canceled) {
		t.Errorf("acquire = %v, want canceled", err)
	}
	if _, err := tryLock(path, shared); !errors.Is(err, errHeld) {
		t.Errorf("tryLock = %v, want held", err)
	}
	held.release()
	// The waiter that gave up does not keep the lock.
	l, err := acquire(t.Context(), path, exclusive)
	if err != nil {
		t.Fatal(err)
	}
	l.release()
}
