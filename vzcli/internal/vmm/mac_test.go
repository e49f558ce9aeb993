package vmm

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
	containers "vz.internal/vzcontract/fake"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/fake"
	"vz.internal/vzcore/macos"
	"vz.internal/vzlinux/agenttest"
)

// A macDriver takes macOS guests for Linux guests.
type macDriver struct{ *fake.Driver }

func (d macDriver) Open(cfg config.Config, dir string) (vzcore.Machine, error) {
	cfg.Boot.Kind = config.BootLinux
	return d.Driver.Open(cfg, dir)
}

// macRecord makes the record of a macOS guest; one that is provisioned has an agent.
func macRecord(t *testing.T, r vmrecord.Registry, name string, provisioned bool) {
	t.Helper()
	cfg := config.Default()
	cfg.Boot.Kind = config.BootMacOS
	cfg.Platform = config.Platform{HardwareModel: []byte("m"), MachineID: []byte("i"), AuxiliaryStorage: "/aux"}
	// What the agent of Linux would be asked to set up.
	cfg.Shares = []config.Share{{Tag: "t", Source: t.TempDir()}}
	require.NoError(t, r.Create(vmrecord.Record{Name: name, Arch: "arm64", Config: cfg, MacOS: &vmrecord.MacOS{Version: "15.6.1", Build: "24G90"}}))
	if provisioned {
		require.NoError(t, os.WriteFile(filepath.Join(r.Dir(name), "disk.provisioned"), nil, 0o600))
	}
}

// running runs a machine until the test ends it, and returns when it can be used.
func running(t *testing.T, r vmrecord.Registry, name string, d *fake.Driver) (ended chan error) {
	t.Helper()
	ready := make(chan struct{})
	ended = make(chan error, 1)
	go func() {
		ended <- Run(t.Context(), Options{
			Registry: r, Name: name, Ready: func() { close(ready) },
			Open: func(string, string) (Hypervisor, error) {
				by := func(context.Context, config.Config) (string, error) { return "fake", nil }
				return Hypervisor{Driver: macDriver{d}, Arch: "arm64", Accelerator: by}, nil
			},
		})
	}()
	select {
	case <-ready:
	case err := <-ended:
		require.NoError(t, err)
	}
	return ended
}

func control(t *testing.T, r vmrecord.Registry, name string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), r.Control(name))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestMacWithoutAgent: a guest that was not provisioned runs, and only force ends it.
func TestMacWithoutAgent(t *testing.T) {
	r := vmrecord.Registry{Home: t.TempDir(), Run: t.TempDir()}
	macRecord(t, r, "a", false)
	ended := running(t, r, "a", &fake.Driver{})
	c := control(t, r, "a")
	err := c.Stop(t.Context(), false)
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorContains(t, err, "it has no agent; macOS ignores")
	s, err := c.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, Status{State: "running", Accelerator: "fake"}, s)
	require.ErrorIs(t, c.Save(t.Context(), SaveRequest{Dir: filepath.Join(t.TempDir(), "s")}), vzcontract.ErrUnavailable)

	// The first of two places is its, until it has ended.
	slot, err := macos.Slot(r.MacSlots(), "b")
	require.NoError(t, err)
	_, err = macos.Slot(r.MacSlots(), "c")
	require.ErrorContains(t, err, "these run: a, b")
	macRecord(t, r, "d", false)
	require.ErrorIs(t, Run(t.Context(), Options{Registry: r, Name: "d"}), vzcontract.ErrUnavailable, "before anything is opened")
	require.NoError(t, c.Stop(t.Context(), true))
	require.NoError(t, <-ended)
	again, err := macos.Slot(r.MacSlots(), "c")
	require.NoError(t, err)
	require.NoError(t, again.Close())
	require.NoError(t, slot.Close())
}

// TestMacWithAgent: its agent ends the guest, and is not asked to mount the share, which
// could not be plugged again after a save.
func TestMacWithAgent(t *testing.T) {
	r := vmrecord.Registry{Home: t.TempDir(), Run: t.TempDir()}
	macRecord(t, r, "a", true)
	d := &fake.Driver{}
	b, err := containers.Open(t.TempDir())
	require.NoError(t, err)
	g := agenttest.Start(b, func() { d.Machines()[0].Exit(nil) })
	defer g.Stop()
	d.Guest = func(_ uint32, conn vzcore.Conn) { g.Serve(conn) }
	ended := running(t, r, "a", d)
	c := control(t, r, "a")
	s, err := c.Status(t.Context())
	require.NoError(t, err)
	require.True(t, s.Agent)
	require.NoError(t, c.Save(t.Context(), SaveRequest{Dir: filepath.Join(t.TempDir(), "s")}))
	require.Len(t, g.Thawed(), 1)
	if err := c.Stop(t.Context(), false); err != nil {
		require.ErrorIs(t, err, vzcontract.ErrUnavailable, "it may have ended before it could answer")
	}
	require.NoError(t, <-ended)
}
