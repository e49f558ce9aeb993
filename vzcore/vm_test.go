package vzcore_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/fake"
)

func newVM(t *testing.T, d *fake.Driver) (*vzcore.VM, *fake.Machine) {
	t.Helper()
	cfg := config.Default()
	cfg.Boot.Kernel = filepath.Join(t.TempDir(), "kernel")
	require.NoError(t, os.WriteFile(cfg.Boot.Kernel, []byte("kernel"), 0o644))
	vm, err := vzcore.New(d, cfg, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { _ = vm.Close() })
	return vm, d.Machines()[0]
}

func requireState(t *testing.T, vm *vzcore.VM, want vzcore.State) {
	t.Helper()
	state, _ := vm.State()
	require.Equal(t, want, state)
}

func TestNewRefuses(t *testing.T) {
	_, err := vzcore.New(&fake.Driver{}, config.Config{}, "")
	require.ErrorIs(t, err, vzcontract.ErrValidation)
}

// TestOperations walks every operation from every settled state.
func TestOperations(t *testing.T) {
	to := map[vzcore.State]func(*testing.T, *vzcore.VM, *fake.Machine){
		vzcore.Stopped: func(*testing.T, *vzcore.VM, *fake.Machine) {},
		vzcore.Running: func(t *testing.T, vm *vzcore.VM, _ *fake.Machine) { require.NoError(t, vm.Start(t.Context())) },
		vzcore.Paused: func(t *testing.T, vm *vzcore.VM, _ *fake.Machine) {
			require.NoError(t, vm.Start(t.Context()))
			require.NoError(t, vm.Pause(t.Context()))
		},
		vzcore.Failed: func(t *testing.T, vm *vzcore.VM, m *fake.Machine) {
			require.NoError(t, vm.Start(t.Context()))
			m.Exit(errors.New("broken"))
			require.ErrorContains(t, vm.Wait(t.Context()), "broken")
		},
	}
	const refused = vzcore.State("")
	operations := []struct {
		name string
		do   func(context.Context, *vzcore.VM, string) error
		want map[vzcore.State]vzcore.State
	}{
		{"start", func(ctx context.Context, vm *vzcore.VM, _ string) error { return vm.Start(ctx) }, map[vzcore.State]vzcore.State{vzcore.Stopped: vzcore.Running}},
		{"pause", func(ctx context.Context, vm *vzcore.VM, _ string) error { return vm.Pause(ctx) }, map[vzcore.State]vzcore.State{vzcore.Running: vzcore.Paused}},
		{"resume", func(ctx context.Context, vm *vzcore.VM, _ string) error { return vm.Resume(ctx) }, map[vzcore.State]vzcore.State{vzcore.Paused: vzcore.Running}},
		{
			"stop", func(ctx context.Context, vm *vzcore.VM, _ string) error { return vm.Stop(ctx) },
			map[vzcore.State]vzcore.State{vzcore.Stopped: vzcore.Stopped, vzcore.Running: vzcore.Stopped, vzcore.Paused: vzcore.Stopped, vzcore.Failed: vzcore.Stopped},
		},
		{
			"save", func(ctx context.Context, vm *vzcore.VM, dir string) error { return vm.Save(ctx, dir, nil) },
			map[vzcore.State]vzcore.State{vzcore.Running: vzcore.Paused, vzcore.Paused: vzcore.Paused},
		},
		{
			"set memory", func(ctx context.Context, vm *vzcore.VM, _ string) error { return vm.SetMemory(ctx, config.GiB) },
			map[vzcore.State]vzcore.State{},
		},
	}
	for from, reach := range to {
		for _, op := range operations {
			t.Run(string(from)+"/"+op.name, func(t *testing.T) {
				vm, m := newVM(t, &fake.Driver{})
				reach(t, vm, m)
				err := op.do(t.Context(), vm, filepath.Join(t.TempDir(), "saved"))
				want := op.want[from]
				if want == refused {
					require.Error(t, err)
					if op.name != "set memory" || from != vzcore.Running {
						require.ErrorIs(t, err, vzcontract.ErrConflict)
					}
					requireState(t, vm, from)
					return
				}
				require.NoError(t, err)
				requireState(t, vm, want)
			})
		}
	}
}

func TestFailedStepChangesNothing(t *testing.T) {
	broken := ""
	d := &fake.Driver{Hook: func(_ context.Context, step string) error {
		if step == broken {
			return errors.New("no")
		}
		return nil
	}}
	vm, _ := newVM(t, d)
	broken = "start"
	require.ErrorContains(t, vm.Start(t.Context()), "start: no")
	requireState(t, vm, vzcore.Stopped)
	broken = ""
	require.NoError(t, vm.Start(t.Context()))
	broken = "pause"
	require.Error(t, vm.Pause(t.Context()))
	requireState(t, vm, vzcore.Running)
	broken = "save"
	dir := filepath.Join(t.TempDir(), "saved")
	require.Error(t, vm.Save(t.Context(), dir, nil))
	requireState(t, vm, vzcore.Running)
	require.NoDirExists(t, dir)
	broken = "stop"
	require.Error(t, vm.Stop(t.Context()))
	requireState(t, vm, vzcore.Failed)
	broken = ""
	require.NoError(t, vm.Stop(t.Context()))
	requireState(t, vm, vzcore.Stopped)
}

// TestLateCompletion has a caller leave while the driver still works.
func TestLateCompletion(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	d := &fake.Driver{Hook: func(_ context.Context, step string) error {
		if step == "start" {
			close(begun)
			<-finish // a driver that does not heed its context
		}
		return nil
	}}
	vm, _ := newVM(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	require.ErrorIs(t, vm.Start(ctx), context.Canceled)
	requireState(t, vm, vzcore.Starting)
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	states := vm.Watch(watching)
	close(finish)
	require.Equal(t, vzcore.Running, <-states)
	require.NoError(t, vm.Pause(t.Context()))
	require.Equal(t, vzcore.Pausing, <-states)
	require.Equal(t, vzcore.Paused, <-states)
}

func TestGuestShutsDown(t *testing.T) {
	vm, m := newVM(t, &fake.Driver{})
	require.NoError(t, vm.Start(t.Context()))
	require.NoError(t, vm.RequestStop(t.Context()))
	require.NoError(t, vm.Wait(t.Context()))
	requireState(t, vm, vzcore.Stopped)
	require.NoError(t, vm.Start(t.Context()), "it can start again")
	m.Exit(nil)
	require.NoError(t, vm.Wait(t.Context()))
	require.ErrorIs(t, vm.RequestStop(t.Context()), vzcontract.ErrConflict)
}

// upgraded is the driver with another version of its program.
type upgraded struct{ *fake.Driver }

func (upgraded) Version(context.Context) (string, error) { return "2", nil }

func TestRestore(t *testing.T) {
	d := &fake.Driver{}
	vm, _ := newVM(t, d)
	require.NoError(t, vm.Start(t.Context()))
	dir := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, vm.Save(t.Context(), dir, map[string]string{"agent": "1"}))
	require.NoError(t, vm.Stop(t.Context()))
	require.NoError(t, vm.Restore(t.Context(), dir))
	requireState(t, vm, vzcore.Paused)
	m, err := vzcore.ReadManifest(dir)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"agent": "1"}, m.Extra)
	require.Equal(t, "fake", m.Driver)
	require.ErrorIs(t, vm.Restore(t.Context(), dir), vzcontract.ErrConflict)
	require.NoError(t, vm.Stop(t.Context()))

	other, err := vzcore.New(upgraded{d}, vm.Config(), t.TempDir())
	require.NoError(t, err)
	require.ErrorContains(t, other.Restore(t.Context(), dir), "the saved machine differs: driver version was 1, is 2")

	// A kernel that changed since, or a damaged file, is found before anything
	// starts.
	state := filepath.Join(dir, "state")
	require.NoError(t, os.WriteFile(state, []byte("SAVED"), 0o600))
	require.ErrorIs(t, vm.Restore(t.Context(), dir), vzcore.ErrDamaged)
	require.NoError(t, os.WriteFile(vm.Config().Boot.Kernel, []byte("other"), 0o644))
	require.ErrorContains(t, vm.Restore(t.Context(), dir), "the saved machine differs: kernel was")
	requireState(t, vm, vzcore.Stopped)
	require.ErrorIs(t, vm.Save(t.Context(), dir, nil), vzcontract.ErrConflict)
}

func TestDialAndListen(t *testing.T) {
	d := &fake.Driver{Guest: func(port uint32, c vzcore.Conn) {
		_, _ = io.Copy(c, c)
		_ = c.Close()
	}}
	vm, m := newVM(t, d)
	_, err := vm.Dial(t.Context(), 1)
	require.Error(t, err)
	require.NoError(t, vm.Start(t.Context()))
	c, err := vm.Dial(t.Context(), 1)
	require.NoError(t, err)
	_, err = c.Write([]byte("hi"))
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	got, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "hi", string(got))

	l, err := vm.Listen(5)
	require.NoError(t, err)
	go func() {
		c, err := m.DialHost(context.Background(), 5)
		if err == nil {
			_, _ = c.Write([]byte("from the guest"))
			_ = c.Close()
		}
	}()
	in, err := l.Accept()
	require.NoError(t, err)
	got, err = io.ReadAll(in)
	require.NoError(t, err)
	require.Equal(t, "from the guest", string(got))
	require.NoError(t, l.Close())
}

func TestStepsReachEveryState(t *testing.T) {
	seen := map[vzcore.State]bool{vzcore.Stopped: true}
	all := []vzcore.State{
		vzcore.Stopped, vzcore.Starting, vzcore.Running, vzcore.Pausing, vzcore.Paused, vzcore.Resuming, vzcore.Stopping, vzcore.Saving, vzcore.Restoring, vzcore.Failed,
	}
	for range all {
		for _, from := range all {
			for _, next := range all {
				if seen[from] && from.MayBecome(next) {
					seen[next] = true
					require.NotEqual(t, from, next)
				}
			}
		}
	}
	require.Len(t, seen, len(all))
}
