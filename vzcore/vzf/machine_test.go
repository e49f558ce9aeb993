package vzf

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
)

func requireState(t *testing.T, vm *vzcore.VM, want vzcore.State) {
	t.Helper()
	state, _ := vm.State()
	require.Equal(t, want, state)
}

func TestLife(t *testing.T) {
	ctx := t.Context()
	vm, f := open(t, linux(t))
	require.NoError(t, vm.Start(ctx))
	require.NoError(t, vm.Pause(ctx))
	require.NoError(t, vm.Resume(ctx))
	require.NoError(t, vm.SetMemory(ctx, config.GiB))
	require.NoError(t, vm.Stop(ctx))
	requireState(t, vm, vzcore.Stopped)
	require.Equal(t, []string{"start", "pause", "resume", "set memory", "stop"}, f.last().steps())

	// Another run has another guest.
	require.NoError(t, vm.Start(ctx))
	require.NoError(t, vm.RequestStop(ctx))
	require.NoError(t, vm.Wait(ctx))
	require.Equal(t, []string{"start", "request stop"}, f.last().steps())
	require.Len(t, f.guests, 2)
}

func TestFailureIsTheMachines(t *testing.T) {
	c := linux(t)
	c.Console.Log = filepath.Join(t.TempDir(), "console")
	vm, f := open(t, c)
	require.NoError(t, vm.Start(t.Context()))
	f.last().phases <- phaseFailed
	require.ErrorContains(t, vm.Wait(t.Context()), c.Console.Log)
	requireState(t, vm, vzcore.Failed)
	require.NoError(t, vm.Stop(t.Context()))
	requireState(t, vm, vzcore.Stopped)
}

// TestStoppedBeforeItLived: the framework may tell of the state that a guest begins in.
func TestStoppedBeforeItLived(t *testing.T) {
	g := &fakeGuest{phases: make(chan phase, 4)}
	r := newRun("")
	r.guest = g
	for _, p := range []phase{phaseStopped, phaseLive, phaseStopped} {
		g.phases <- p
	}
	r.watch()
	require.NoError(t, <-r.exited)
	require.Empty(t, g.phases, "the first was taken for the end")
}

// TestLateCompletions: a step whose caller has gone is undone before the next one.
func TestLateCompletions(t *testing.T) {
	tests := []struct {
		step   string
		do     func(context.Context, *vzcore.VM) error
		state  vzcore.State
		then   func(context.Context, *vzcore.VM) error // the next step, which waits
		undone []string
	}{
		{"pause", func(ctx context.Context, vm *vzcore.VM) error { return vm.Pause(ctx) }, vzcore.Running, func(ctx context.Context, vm *vzcore.VM) error { return vm.Pause(ctx) }, []string{"start", "pause", "resume", "pause"}},
		{"set memory", func(ctx context.Context, vm *vzcore.VM) error { return vm.SetMemory(ctx, config.GiB) }, vzcore.Running, func(ctx context.Context, vm *vzcore.VM) error { return vm.Stop(ctx) }, []string{"start", "set memory", "stop"}},
	}
	for _, tt := range tests {
		t.Run(tt.step, func(t *testing.T) {
			vm, f := open(t, linux(t))
			require.NoError(t, vm.Start(t.Context()))
			g := f.last()
			require.Equal(t, "start", <-g.entered)
			release := g.block(tt.step)
			defer release()
			ctx, cancel := context.WithCancel(t.Context())
			result := make(chan error, 1)
			go func() { result <- tt.do(ctx, vm) }()
			require.Equal(t, tt.step, <-g.entered)
			cancel()
			require.ErrorIs(t, <-result, context.Canceled)
			next := make(chan error, 1)
			go func() { next <- tt.then(t.Context(), vm) }()
			release()
			require.NoError(t, <-next)
			require.Equal(t, tt.undone, g.steps())
		})
	}
}

func TestStartThatNobodyWaitsForIsStopped(t *testing.T) {
	f := &fakeFramework{major: 14}
	d, err := newDriver(f)
	require.NoError(t, err)
	m, err := d.Open(linux(t), t.TempDir())
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = m.Start(ctx)
	require.ErrorIs(t, err, context.Canceled)
	g := f.last()
	if len(g.steps()) > 0 || len(g.entered) > 0 { // it had begun
		require.Equal(t, "start", <-g.entered)
		require.Equal(t, "stop", <-g.entered)
	}
	require.ErrorIs(t, m.Pause(t.Context()), vzcontract.ErrConflict)
	require.NoError(t, m.Close())
}

func TestStartFails(t *testing.T) {
	vm, f := open(t, linux(t))
	f.refuses = &failure{domainFramework, codeConfiguration, "Invalid. The process doesn't have the “com.apple.security.virtualization” entitlement."}
	err := vm.Start(t.Context())
	require.ErrorIs(t, err, vzcontract.ErrDenied)
	require.ErrorContains(t, err, "vz vm self-sign")
	requireState(t, vm, vzcore.Stopped)
	f.refuses = nil
	require.NoError(t, vm.Start(t.Context()))
}

func TestGuestThatEndsMeanwhile(t *testing.T) {
	vm, f := open(t, linux(t))
	require.NoError(t, vm.Start(t.Context()))
	g := f.last()
	g.fail["stop"] = &failure{domainFramework, codeTransition, "it is stopped"}
	g.phases <- phaseStopped
	require.NoError(t, vm.Stop(t.Context()))
	require.NoError(t, vm.Wait(t.Context()))
}

func TestSaveAndRestore(t *testing.T) {
	ctx := t.Context()
	c := linux(t)
	c.Network = config.Network{Kind: config.NetworkUser, MAC: "02:00:00:00:00:01"}
	vm, f := open(t, c)
	dir := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, vm.Start(ctx))
	require.NoError(t, vm.Save(ctx, dir, nil))
	requireState(t, vm, vzcore.Paused)
	g := f.last()
	require.Equal(t, []string{"start", "pause", "save"}, g.steps())
	info, err := os.Stat(filepath.Join(dir, stateFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	// It is not torn down: the framework would write to its disks.
	require.NoError(t, vm.Stop(ctx))
	requireState(t, vm, vzcore.Stopped)
	require.NotContains(t, g.steps(), "stop")
	_, err = g.cable.Stat()
	require.NoError(t, err, "the guest's end of the cable must stay open")
	require.NoError(t, g.cable.Close())

	// Another machine, as a fork is, goes on from there as the saved one.
	c.Network.MAC = "02:00:00:00:00:02"
	other, f := open(t, c)
	require.NoError(t, other.Restore(ctx, dir))
	requireState(t, other, vzcore.Paused)
	g = f.last()
	require.Equal(t, []byte("made up"), g.plan.boot.identity)
	require.Equal(t, "02:00:00:00:00:01", g.plan.mac.String())
	require.NoError(t, other.Resume(ctx))
	require.NoError(t, other.Stop(ctx))
	require.Equal(t, []string{"restore", "resume", "stop"}, g.steps())
	_, err = g.cable.Stat()
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestSaveThenGoOn(t *testing.T) {
	vm, f := open(t, linux(t))
	require.NoError(t, vm.Start(t.Context()))
	require.NoError(t, vm.Save(t.Context(), filepath.Join(t.TempDir(), "saved"), nil))
	require.NoError(t, vm.Resume(t.Context()))
	require.NoError(t, vm.Stop(t.Context()))
	require.Equal(t, []string{"start", "pause", "save", "resume", "stop"}, f.last().steps())
}

func TestSaveIsRefused(t *testing.T) {
	vm, f := open(t, linux(t))
	require.NoError(t, vm.Start(t.Context()))
	f.last().fail["savable"] = errors.New("a virtiofs device")
	dir := filepath.Join(t.TempDir(), "saved")
	err := vm.Save(t.Context(), dir, nil)
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorContains(t, err, "a virtiofs device")
	requireState(t, vm, vzcore.Running)
	require.NoDirExists(t, dir)
}

func TestRestoreRefusesWhatIsDamaged(t *testing.T) {
	vm, _ := open(t, linux(t))
	require.NoError(t, vm.Start(t.Context()))
	dir := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, vm.Save(t.Context(), dir, nil))
	require.NoError(t, os.WriteFile(filepath.Join(dir, deviceFile), []byte("{"), 0o600))
	other, _ := open(t, linux(t))
	require.ErrorIs(t, other.Restore(t.Context(), dir), vzcore.ErrDamaged)
	requireState(t, other, vzcore.Stopped)
}

func TestMacOSGuestsAreNotAsked(t *testing.T) {
	c := linux(t)
	c.Boot = config.Boot{Kind: config.BootMacOS}
	c.Platform = config.Platform{HardwareModel: []byte("m"), MachineID: []byte("i"), AuxiliaryStorage: "/aux"}
	c.Disks = []config.Disk{{ID: "root", Path: "/disk"}}
	vm, _ := open(t, c)
	require.NoError(t, vm.Start(t.Context()))
	err := vm.RequestStop(t.Context())
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorContains(t, err, "agent")
}
