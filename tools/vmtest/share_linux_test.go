package vmtest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/qemu"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// mount mounts a plugged share at /mnt/TAG.
func (g *Guest) mount(t *testing.T, kind string, s config.Share) string {
	t.Helper()
	path := "/mnt/" + s.Tag
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodMount, agentproto.MountRequest{Kind: kind, Tag: s.Tag, Path: path, ReadOnly: s.ReadOnly}, nil))
	return path
}

func (g *Guest) unmount(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodUnmount, agentproto.FileRequest{Path: path}, nil))
}

// TestShares plugs directories before and after the start, uses them both ways and
// unplugs them.
func TestShares(t *testing.T) { each(t, testShares) }

func testShares(t *testing.T, arch string) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: Debian's virtiofsd makes namespaces of its own")
	}
	cfg := Config(t, arch)
	cold := config.Share{Tag: "cold", Source: t.TempDir()}
	cfg.Shares = []config.Share{cold}
	require.NoError(t, os.WriteFile(filepath.Join(cold.Source, "a"), []byte("from the host"), 0o644))
	g := Start(t, arch, cfg)
	g.Install(t, arch)
	require.Equal(t, qemu.Virtiofs, g.ShareKind("cold"))
	path := g.mount(t, "virtiofs", cold)
	_, out := g.run(t, vzlinux.Command{Args: helper("read", path+"/a")})
	require.Equal(t, "from the host", out)
	status, out := g.run(t, vzlinux.Command{Args: helper("write", path+"/b", "from the guest")})
	require.Zero(t, status, out)
	text, err := os.ReadFile(filepath.Join(cold.Source, "b"))
	require.NoError(t, err)
	require.Equal(t, "from the guest", string(text))

	_, err = g.Plug(t.Context(), cold)
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	_, err = g.Plug(t.Context(), config.Share{Tag: "x", Source: "/no/such/directory"})
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	require.ErrorIs(t, g.Unplug(t.Context(), "x"), vzcontract.ErrNotFound)

	// Often enough that a place that is not given back would be missed.
	for range 10 {
		hot := config.Share{Tag: "hot", Source: t.TempDir(), ReadOnly: true}
		require.NoError(t, os.WriteFile(filepath.Join(hot.Source, "a"), []byte("hot"), 0o644))
		kind, err := g.Plug(t.Context(), hot)
		require.NoError(t, err)
		// The guest asks for more than it is given.
		asked := hot
		asked.ReadOnly = false
		path := g.mount(t, kind, asked)
		_, out := g.run(t, vzlinux.Command{Args: helper("read", path+"/a")})
		require.Equal(t, "hot", out)
		status, out := g.run(t, vzlinux.Command{Args: helper("write", path+"/b", "x")})
		require.Equal(t, 1, status.Code)
		require.Contains(t, out, "read-only file system")
		g.unmount(t, path)
		require.NoError(t, g.Unplug(t.Context(), "hot"))
	}
	g.unmount(t, path)
	require.NoError(t, g.Unplug(t.Context(), "cold"))
}

// TestSharedPrograms runs programs from a share, each time read anew. QEMU does not see that
// a virtiofsd replaces what lies in the guest's memory, and must not run what it has
// translated before.
func TestSharedPrograms(t *testing.T) { each(t, testSharedPrograms) }

func testSharedPrograms(t *testing.T, arch string) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: Debian's virtiofsd makes namespaces of its own")
	}
	cfg := Config(t, arch)
	cfg.Memory = 256 * config.MiB
	s := config.Share{Tag: "s", Source: t.TempDir()}
	cfg.Shares = []config.Share{s}
	g := Start(t, arch, cfg)
	require.NoError(t, os.Rename(buildHelper(t, arch), filepath.Join(s.Source, "helper")))
	program := g.mount(t, qemu.Virtiofs, s) + "/helper"
	for n := range 20 {
		status, out := g.run(t, vzlinux.Command{Args: []string{program, "env"}, Env: []string{"RUN=" + strconv.Itoa(n)}})
		require.Zero(t, status, out)
		require.Contains(t, out, "RUN="+strconv.Itoa(n))
	}
}

// TestNineP shares by 9p, which needs no program and no root, before the start.
func TestNineP(t *testing.T) { each(t, testNineP) }

func testNineP(t *testing.T, arch string) {
	cfg := Config(t, arch)
	cfg.Shares = []config.Share{{Tag: "rw", Source: t.TempDir()}, {Tag: "ro", Source: t.TempDir(), ReadOnly: true}}
	driver, err := qemu.New(qemu.Options{Arch: arch, Accelerator: qemu.TCG, Shares: qemu.NineP})
	require.NoError(t, err)
	g := NewWith(t, driver, cfg)
	require.NoError(t, g.VM.Start(t.Context()))
	g.Connect(t)
	g.Install(t, arch)
	for _, s := range cfg.Shares {
		require.NoError(t, os.WriteFile(filepath.Join(s.Source, "a"), []byte(s.Tag), 0o644))
		require.Equal(t, qemu.NineP, g.ShareKind(s.Tag))
		asked := s
		asked.ReadOnly = false
		path := g.mount(t, qemu.NineP, asked)
		_, out := g.run(t, vzlinux.Command{Args: helper("read", path+"/a")})
		require.Equal(t, s.Tag, out)
		status, out := g.run(t, vzlinux.Command{Args: helper("write", path+"/b", "x")})
		require.Equal(t, s.ReadOnly, status.Code != 0, out)
		_, err := os.Stat(filepath.Join(s.Source, "b"))
		require.Equal(t, s.ReadOnly, err != nil)
		g.unmount(t, path)
		require.ErrorIs(t, g.Unplug(t.Context(), s.Tag), vzcontract.ErrUnsupported)
	}
	// It does not hinder saving.
	dir := filepath.Join(t.TempDir(), "saved")
	require.NoError(t, g.Save(t.Context(), dir, nil))
	require.NoError(t, g.Stop(t.Context()))
	require.NoError(t, g.Restore(t.Context(), dir))
}
