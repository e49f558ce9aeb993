//go:build vzmac

package vzf_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/vzf"
)

// agentPort is where the agent of the guest bundle listens.
const agentPort = 7424

// boot starts a guest of the bundle in $VZ_LINUX_BUNDLE_DIR and waits for its agent.
func boot(t *testing.T, change func(*config.Config)) *vzcore.VM {
	t.Helper()
	bundle := os.Getenv("VZ_LINUX_BUNDLE_DIR")
	if bundle == "" {
		t.Skip("needs a guest bundle: VZ_LINUX_BUNDLE_DIR, see docs/macos.md")
	}
	d, err := vzf.New()
	require.NoError(t, err)
	c := config.Default()
	c.Memory = config.GiB
	c.Boot.Kernel, c.Boot.Initramfs = filepath.Join(bundle, "Image"), filepath.Join(bundle, "initramfs.img")
	c.Console.Log = filepath.Join(t.TempDir(), "console")
	change(&c)
	vm, err := vzcore.New(d, c, t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, vm.Close())
		if t.Failed() {
			text, _ := os.ReadFile(c.Console.Log)
			t.Logf("the guest wrote:\n%s", text)
		}
	})
	return vm
}

// reach dials the agent until it answers with anything.
func reach(t *testing.T, vm *vzcore.VM) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := vm.Dial(ctx, agentPort)
		if err == nil {
			require.NoError(t, c.CloseWrite())
			require.NoError(t, c.Close())
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.NoError(t, err)
		}
	}
}

func TestMacLife(t *testing.T) {
	share := t.TempDir()
	for _, kind := range []string{config.NetworkNone, config.NetworkUser, config.NetworkNAT} {
		t.Run(kind, func(t *testing.T) {
			vm := boot(t, func(c *config.Config) {
				c.Network.Kind = kind
				c.Shares = []config.Share{{Tag: "one", Source: share}, {Tag: "many", Growing: true, Entries: []config.Entry{{Name: "x", Source: share, ReadOnly: true}}}}
			})
			require.NoError(t, vm.Start(t.Context()))
			reach(t, vm)
			require.NoError(t, vm.Pause(t.Context()))
			require.NoError(t, vm.Resume(t.Context()))
			reach(t, vm)
			require.NoError(t, vm.SetMemory(t.Context(), config.GiB/2))
			require.NoError(t, vm.Stop(t.Context()))
			require.NoError(t, vm.Start(t.Context()), "another run")
			reach(t, vm)
		})
	}
}

// TestMacSave saves a guest and goes on from there in another machine.
func TestMacSave(t *testing.T) {
	plain := func(c *config.Config) { c.Network.Kind = config.NetworkNone }
	vm := boot(t, plain)
	require.NoError(t, vm.Start(t.Context()))
	reach(t, vm)
	dir := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, vm.Save(t.Context(), dir, nil))
	require.NoError(t, vm.Stop(t.Context()))
	other := boot(t, plain)
	require.NoError(t, other.Restore(t.Context(), dir))
	require.NoError(t, other.Resume(t.Context()))
	reach(t, other)
	require.ErrorIs(t, other.Restore(t.Context(), dir), vzcontract.ErrConflict)
}
