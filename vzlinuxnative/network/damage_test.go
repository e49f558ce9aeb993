//go:build linux

package network

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// TestDamagedNetwork: a network whose file cannot be read stands in nobody's
// way, is named where it may be meant, and is moved aside by a repair.
func TestDamagedNetwork(t *testing.T) {
	ctx := t.Context()
	for what, damage := range map[string]func(file string) error{
		"empty":    func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"junk":     func(file string) error { return os.WriteFile(file, []byte("\x00\x1b[31mjunk"), 0o600) },
		"of other": func(file string) error { return os.WriteFile(file, []byte(`{"id":"x","name":"good"}`), 0o600) },
		"folder":   func(file string) error { return os.Mkdir(file, 0o700) },
		"pipe":     func(file string) error { return unix.Mkfifo(file, 0o600) },
		"link":     func(file string) error { return os.Symlink("/dev/null", file) },
	} {
		t.Run(what, func(t *testing.T) {
			m := manager(t)
			_, err := m.Create(ctx, vzcontract.NetworkConfig{Name: "good"})
			require.NoError(t, err)
			bad, err := m.Create(ctx, vzcontract.NetworkConfig{Name: "bad"})
			require.NoError(t, err)
			_, err = m.List(ctx) // makes the default network
			require.NoError(t, err)
			file := filepath.Join(m.opts.Dir, bad.ID+".json")
			require.NoError(t, os.Remove(file))
			require.NoError(t, damage(file))

			_, err = m.Inspect(ctx, "good")
			require.NoError(t, err)
			list, err := m.List(ctx)
			require.NoError(t, err)
			require.Len(t, list, 4, "good, bridge, host and none")
			require.NoError(t, m.Release(ctx, "container"))
			_, err = m.Inspect(ctx, "bad")
			require.ErrorContains(t, err, file)
			require.ErrorContains(t, err, "vz doctor --repair")
			found, err := m.Verify(ctx, func(string) bool { return false })
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Contains(t, found[0], file)

			_, err = m.Repair(ctx, func(string) bool { return false })
			require.NoError(t, err)
			require.NoFileExists(t, file)
			found, err = m.Verify(ctx, func(string) bool { return false })
			require.NoError(t, err)
			require.Empty(t, found)
			aside, err := filepath.Glob(filepath.Join(filepath.Dir(m.opts.Dir), "damaged", "network-"+bad.ID+"-*"))
			require.NoError(t, err)
			require.Len(t, aside, 1)
			_, err = m.Create(ctx, vzcontract.NetworkConfig{Name: "bad"})
			require.NoError(t, err)
		})
	}
}

// TestDamagedLeases: what can be read of the leases is kept.
func TestDamagedLeases(t *testing.T) {
	m := manager(t)
	info, err := m.Create(t.Context(), vzcontract.NetworkConfig{Name: "net"})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(m.opts.RunDir, 0o700))
	require.NoError(t, os.WriteFile(m.leaseFile(info.ID), []byte(`{"id":"kept","lease":{}}`+"\njunk\n"), 0o600))
	_, err = m.Inspect(t.Context(), "net")
	require.ErrorContains(t, err, "is damaged")
	_, err = m.Repair(t.Context(), func(string) bool { return true })
	require.NoError(t, err)
	n, err := m.load(info.ID)
	require.NoError(t, err)
	require.Len(t, n.Leases, 1)
	require.Contains(t, n.Leases, "kept")
}
