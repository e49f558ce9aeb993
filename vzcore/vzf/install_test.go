package vzf

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos"
)

// A fakeInstaller installs nothing, and notes on what.
type fakeInstaller struct {
	hold chan struct{} // latest waits for it, if it is not nil
	fail error
	need macos.Requirements
	seen plan
}

func (f *fakeInstaller) latest() (string, error) {
	if f.hold != nil {
		<-f.hold
	}
	return "https://x/y.ipsw", f.fail
}
func (f *fakeInstaller) requirements(string) (macos.Requirements, error) { return f.need, f.fail }
func (f *fakeInstaller) identify(model []byte, path string) ([]byte, error) {
	return append(model, path...), f.fail
}

func (f *fakeInstaller) install(_ context.Context, p plan, _ string, progress func(float64)) error {
	f.seen = p
	progress(1)
	return f.fail
}

func guestConfig() config.Config {
	c := config.Default()
	c.Boot.Kind = config.BootMacOS
	c.Platform = config.Platform{HardwareModel: []byte("model"), MachineID: []byte("id"), AuxiliaryStorage: "/aux"}
	c.Disks = []config.Disk{{ID: "disk", Path: "/disk"}}
	c.Display = &config.Display{Width: 1, Height: 1}
	return c
}

func TestInstall(t *testing.T) {
	ctx := t.Context()
	i := &fakeInstaller{need: macos.Requirements{HardwareModel: []byte("model"), MinCPUs: 2, MinMemory: config.GiB}}
	d, err := newDriver(&fakeFramework{major: 14, installer: i})
	require.NoError(t, err)
	url, err := d.Latest(ctx)
	require.NoError(t, err)
	require.Equal(t, "https://x/y.ipsw", url)
	need, err := d.Requirements(ctx, "/ipsw")
	require.NoError(t, err)
	require.Equal(t, i.need, need)
	id, err := d.Identify(ctx, []byte("model"), "/aux")
	require.NoError(t, err)
	require.Equal(t, "model/aux", string(id))

	c, told := guestConfig(), 0.0
	c.Network.User.Ports = []config.Port{{Guest: 1}}
	require.NoError(t, d.Install(ctx, c, "/ipsw", func(p float64) { told = p }))
	require.InDelta(t, 1, told, 0)
	require.Equal(t, config.NetworkNAT, i.seen.network, "the installer has no cable of a user network")
	require.Len(t, i.seen.mac, 6)
	require.Equal(t, boot{kind: config.BootMacOS, hardware: []byte("model"), identity: []byte("id"), storage: "/aux"}, i.seen.boot)
	c.Network = config.Network{Kind: config.NetworkNone}
	require.NoError(t, d.Install(ctx, c, "/ipsw", func(float64) {}))
	require.Equal(t, config.NetworkNone, i.seen.network)

	require.ErrorIs(t, d.Install(ctx, linux(t), "/ipsw", nil), vzcontract.ErrValidation)
	c.Nested = true
	require.ErrorIs(t, d.Install(ctx, c, "/ipsw", nil), vzcontract.ErrUnsupported)

	i.need = macos.Requirements{}
	_, err = d.Requirements(ctx, "/ipsw")
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorContains(t, err, "vz vm base list")
	i.fail = &failure{domainFramework, codeLimit, "The limit was exceeded."}
	_, err = d.Identify(ctx, nil, "")
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	c.Nested = false
	require.ErrorIs(t, d.Install(ctx, c, "/ipsw", func(float64) {}), vzcontract.ErrUnavailable)
}

// TestInstallInterrupted: what the framework does goes on by itself.
func TestInstallInterrupted(t *testing.T) {
	i := &fakeInstaller{hold: make(chan struct{})}
	defer close(i.hold)
	d, err := newDriver(&fakeFramework{major: 14, installer: i})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Latest(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
