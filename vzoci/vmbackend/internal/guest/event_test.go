//go:build linux || darwin

package guest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"vz.internal/vzcontract"
)

// TestEventsThroughRotation follows while the file is replaced: no event is lost or
// told twice, damaged lines are left out, and nothing is left of the follower.
func TestEventsThroughRotation(t *testing.T) {
	dir, err := os.MkdirTemp("", "vz") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := Store{Home: filepath.Join(dir, "h"), Run: filepath.Join(dir, "r")}
	began := time.Now()
	emit := func(i int) {
		if err := s.Emit(vzcontract.Event{Time: time.Now(), Type: "container", Action: "n", ID: strconv.Itoa(i)}); err != nil {
			t.Error(err)
		}
	}
	const half = 50
	for i := range half {
		emit(i)
	}
	path := filepath.Join(s.Home, eventsFile)
	if f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	} else if _, err := f.WriteString("{damaged\n"); err != nil || f.Close() != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := 0
	err = s.Events(ctx, vzcontract.EventOptions{Since: began}, func(e vzcontract.Event) error {
		if e.ID != strconv.Itoa(next) {
			t.Errorf("event %s, want %d", e.ID, next)
		}
		next++
		switch next {
		case half:
			if err := os.Rename(path, path+".1"); err != nil {
				t.Error(err)
			}
			go func() {
				for i := range half {
					emit(half + i)
				}
			}()
		case 2 * half:
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || next != 2*half {
		t.Errorf("%d events, %v, want %d and the cancellation", next, err, 2*half)
	}
	if left, err := os.ReadDir(filepath.Join(s.Run, listenersDir)); err != nil || len(left) != 0 {
		t.Errorf("left of the follower: %v, %v", left, err)
	}
}
