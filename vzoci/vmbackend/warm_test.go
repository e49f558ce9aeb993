//go:build linux || darwin

package vmbackend_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend"
	"vz.internal/vzoci/vmbackend/owner"
	"vz.internal/vzoci/vmbackend/warm"
)

// A warmth is a backend whose machines make and use snapshots, with what they did.
type warmth struct {
	*vmbackend.Backend
	store warm.Store

	mu     sync.Mutex
	steps  []string                 // guarded by mu: "start" and "restore"
	thawed []agentproto.ThawRequest // guarded by mu: of guests that have ended
	broken bool                     // guarded by mu: no guest can be restored
}

func (w *warmth) step(g *guest, step string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch step {
	case "start", "restore":
		w.steps = append(w.steps, step)
		g.driver.steps = append(g.driver.steps, step)
	case "stop":
		w.thawed = append(w.thawed, g.agent.Thawed()...)
	}
	if step == "restore" && w.broken {
		return errors.New("the hypervisor does not like it")
	}
	return nil
}

// took returns the steps since the last call.
func (w *warmth) took() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	steps := w.steps
	w.steps = nil
	return steps
}

// openWarm makes snapshots at once, before the machine that had to boot goes on.
func openWarm(t *testing.T, cold bool) *warmth {
	w := &warmth{}
	w.Backend = open(t, func(opts *owner.Options) {
		d := opts.Driver.(*driver)
		d.step, opts.Cold = w.step, cold
		w.mu.Lock()
		w.store = warm.At(opts.Home)
		w.mu.Unlock()
		ready, booted := opts.Ready, false
		opts.Ready = func() {
			if booted = slices.Contains(d.steps, "start"); !booted || cold {
				ready()
			}
		}
		opts.Booted = func(template owner.Template) {
			if !booted {
				t.Error("a machine that was restored has a snapshot made")
			}
			if err := owner.Warm(t.Context(), template); err != nil {
				t.Error(err)
			}
			ready()
		}
	})
	return w
}

// container makes a container and removes it.
func (w *warmth) container(t *testing.T, resources vzcontract.Resources) {
	t.Helper()
	info, err := w.Create(t.Context(), vzcontract.RunConfig{Image: fake.Builtin, Args: []string{"true"}, Resources: resources})
	require.NoError(t, err)
	require.NoError(t, w.Remove(t.Context(), info.ID, vzcontract.RemoveOptions{}))
}

func TestWarmStart(t *testing.T) {
	w := openWarm(t, false)
	w.container(t, vzcontract.Resources{})
	require.Equal(t, []string{"start", "start"}, w.took(), "the machine and the one that is saved")
	w.container(t, vzcontract.Resources{})
	w.container(t, vzcontract.Resources{})
	require.Equal(t, []string{"restore", "restore"}, w.took())

	// Before anything else each became a guest of its own.
	w.mu.Lock()
	require.Len(t, w.thawed, 2)
	require.Len(t, w.thawed[0].Entropy, 64)
	require.NotEqual(t, w.thawed[0].Entropy, w.thawed[1].Entropy)
	require.Len(t, w.thawed[0].Machine, 32)
	require.NotEqual(t, w.thawed[0].Machine, w.thawed[1].Machine)
	w.mu.Unlock()

	// A machine of another size has a snapshot of its own.
	w.container(t, vzcontract.Resources{NanoCPUs: 3e9})
	require.Equal(t, []string{"start", "start"}, w.took())
	all, err := w.WarmSnapshots()
	require.NoError(t, err)
	require.Len(t, all, 2)

	report, err := w.PruneWarm()
	require.NoError(t, err)
	require.Len(t, report.Removed, 2)
	w.container(t, vzcontract.Resources{})
	require.Equal(t, []string{"start", "start"}, w.took())
}

// TestWarmStartBroken: whatever is wrong with a snapshot, the machine boots and the
// snapshot is made anew.
func TestWarmStartBroken(t *testing.T) {
	state := func(t *testing.T, w *warmth) string {
		found, err := filepath.Glob(filepath.Join(w.store.Dir, "*", "state"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		return found[0]
	}
	for name, tt := range map[string]struct {
		harm  func(t *testing.T, w *warmth)
		steps []string
	}{
		"damaged file": {func(t *testing.T, w *warmth) { write(t, state(t, w), []byte("SAVED")) }, []string{"restore", "start", "start"}},
		"missing file": {func(t *testing.T, w *warmth) { require.NoError(t, os.Remove(state(t, w))) }, []string{"restore", "start", "start"}},
		"no manifest": {func(t *testing.T, w *warmth) {
			write(t, filepath.Join(filepath.Dir(state(t, w)), "manifest.json"), nil)
		}, []string{"start", "start"}},
		"no restoration": {func(_ *testing.T, w *warmth) { w.broken = true }, []string{"restore", "start", "start"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := openWarm(t, false)
			w.container(t, vzcontract.Resources{})
			w.took()
			tt.harm(t, w)
			w.container(t, vzcontract.Resources{})
			require.Equal(t, tt.steps, w.took())
			w.broken = false
			w.container(t, vzcontract.Resources{})
			require.Equal(t, []string{"restore"}, w.took())
		})
	}
}

// TestColdStart: who does not want snapshots gets none.
func TestColdStart(t *testing.T) {
	w := openWarm(t, true)
	w.container(t, vzcontract.Resources{})
	w.container(t, vzcontract.Resources{})
	require.Equal(t, []string{"start", "start"}, w.took())
	require.NoDirExists(t, w.store.Dir)
}

// TestWarmStartsTogether: several machines start from one snapshot at once.
func TestWarmStartsTogether(t *testing.T) {
	w := openWarm(t, false)
	w.container(t, vzcontract.Resources{})
	w.took()
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			info, err := w.Create(t.Context(), vzcontract.RunConfig{Image: fake.Builtin, Args: []string{"true"}})
			if err == nil {
				err = w.Remove(t.Context(), info.ID, vzcontract.RemoveOptions{})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Equal(t, []string{"restore", "restore", "restore", "restore", "restore"}, w.took())
}
