//go:build linux

package events

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

const writerDir = "VZ_TEST_EVENTS_DIR"

// TestMain is also the program of processes that append, with an argument until they
// are killed.
func TestMain(m *testing.M) {
	dir := os.Getenv(writerDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	j, err := Open(dir)
	for i := 0; err == nil && (i < 200 || len(os.Args) > 1); i++ {
		err = j.Append(vzcontract.Event{Type: "container", Action: "x", ID: fmt.Sprintf("%d-%d", os.Getpid(), i)})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func open(t *testing.T) *Journal {
	t.Helper()
	j, err := Open(filepath.Join(t.TempDir(), "events"))
	require.NoError(t, err)
	return j
}

func past(t *testing.T, j *Journal, since time.Time) (ids []string) {
	t.Helper()
	last := since
	require.NoError(t, j.Read(t.Context(), vzcontract.EventOptions{Since: since, Until: time.Now()}, func(e vzcontract.Event) error {
		require.False(t, e.Time.Before(last), "time goes back")
		last = e.Time
		ids = append(ids, e.ID)
		return nil
	}))
	return ids
}

func TestSinceAndUntil(t *testing.T) {
	j := open(t)
	began := time.Now()
	require.Empty(t, past(t, j, began))
	e := vzcontract.Event{Type: "container", Action: "die", ID: "a", Attributes: map[string]string{"exitCode": "3", "odd": "\n\"\x00"}}
	require.NoError(t, j.Append(e))
	between := time.Now()
	require.NoError(t, j.Append(vzcontract.Event{ID: "b"}))
	require.Equal(t, []string{"a", "b"}, past(t, j, began))
	require.Equal(t, []string{"b"}, past(t, j, between))
	stop := errors.New("stop")
	require.ErrorIs(t, j.Read(t.Context(), vzcontract.EventOptions{Since: began}, func(got vzcontract.Event) error {
		e.Time = got.Time
		require.Equal(t, e, got)
		return stop
	}), stop)
	require.NoError(t, j.Read(t.Context(), vzcontract.EventOptions{Since: began, Until: between}, func(got vzcontract.Event) error {
		require.Equal(t, "a", got.ID)
		return nil
	}))
}

func TestLive(t *testing.T) {
	j := open(t)
	require.NoError(t, j.Append(vzcontract.Event{ID: "before"}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan string, 100)
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		done <- j.Read(ctx, vzcontract.EventOptions{Since: began}, func(e vzcontract.Event) error { seen <- e.ID; return nil })
	}()
	for _, id := range []string{"a", "b", "c"} {
		require.NoError(t, j.Append(vzcontract.Event{ID: id}))
		require.Equal(t, id, <-seen)
	}
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	until := time.Now().Add(20 * time.Millisecond)
	require.NoError(t, j.Read(t.Context(), vzcontract.EventOptions{Until: until}, func(vzcontract.Event) error { return nil }))
}

// TestProcesses appends from several processes, one of which is killed.
func TestProcesses(t *testing.T) {
	j := open(t)
	began := time.Now()
	victim := exec.Command("/proc/self/exe", "endless")
	victim.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	victim.Env = append(os.Environ(), writerDir+"="+j.dir)
	require.NoError(t, victim.Start())
	stop := errors.New("killed")
	err := j.Read(t.Context(), vzcontract.EventOptions{Since: began}, func(vzcontract.Event) error {
		return errors.Join(stop, victim.Process.Kill())
	})
	require.ErrorIs(t, err, stop)
	require.Error(t, victim.Wait())

	all := sync.WaitGroup{}
	for range 4 {
		all.Go(func() {
			cmd := exec.Command("/proc/self/exe")
			cmd.Env = victim.Env
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	all.Wait()
	counts := map[string]int{}
	for _, id := range past(t, j, began) {
		pid, _, _ := strings.Cut(id, "-")
		counts[pid]++
	}
	delete(counts, fmt.Sprint(victim.Process.Pid))
	require.Len(t, counts, 4)
	for pid, n := range counts {
		require.Equal(t, 200, n, pid)
	}
}

func TestBoundAndDamage(t *testing.T) {
	j := open(t)
	began := time.Now()
	require.NoError(t, os.WriteFile(j.path(), []byte("garbage\n{\"time\":\"20"), 0o600))
	long := map[string]string{"x": strings.Repeat("x", 100<<10)}
	for i := range 40 {
		require.NoError(t, j.Append(vzcontract.Event{ID: fmt.Sprint(i), Attributes: long}))
	}
	got := past(t, j, began)
	require.Equal(t, "39", got[len(got)-1])
	require.Less(t, len(got), 25)
	require.Greater(t, len(got), 9)
	files, err := os.ReadDir(j.dir)
	require.NoError(t, err)
	require.Len(t, files, 3, "journal, journal.1, lock")
}

func BenchmarkAppend(b *testing.B) {
	j, err := Open(b.TempDir())
	require.NoError(b, err)
	for b.Loop() {
		if err := j.Append(vzcontract.Event{Type: "container", Action: "start", ID: "x"}); err != nil {
			b.Fatal(err)
		}
	}
}
