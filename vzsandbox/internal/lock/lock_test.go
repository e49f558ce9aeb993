package lock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestTakeExcludes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "locks", "a")
	inside, most, done := 0, 0, 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			unlock, err := Take(t.Context(), file, nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			inside++
			most, done = max(most, inside), done+1
			mu.Unlock()
			mu.Lock()
			inside--
			mu.Unlock()
			unlock()
		})
	}
	wg.Wait()
	if most != 1 || done != 20 {
		t.Errorf("%d at once, %d in all, want 1 and 20", most, done)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of a lock that nobody has: %v", err)
	}
}

func TestTakeEndsWithContext(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a")
	unlock, err := Take(t.Context(), file, func() { t.Error("waited for a free lock") })
	if err != nil {
		t.Fatal(err)
	}
	if _, taken, err := Try(file); taken || err != nil {
		t.Errorf("Try of a lock that is held: %v, %v", taken, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Take(ctx, file, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("Take after its context: %v", err)
	}
	unlock()
	unlock, err = Take(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	unlock, taken, err := Try(file)
	if !taken || err != nil {
		t.Fatalf("Try of a free lock: %v, %v", taken, err)
	}
	unlock()
}
