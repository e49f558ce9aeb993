package vmtest

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// TestSaveAndRestore saves a guest that counts, restores it twice and shows that
// the two go on from where it was and are not the same machine.
func TestSaveAndRestore(t *testing.T) { each(t, testSaveAndRestore) }

func testSaveAndRestore(t *testing.T, arch string) {
	cfg := Config(t, arch)
	cfg.Memory = 256 * config.MiB
	g := Start(t, arch, cfg)
	g.Install(t, arch)
	step, counted := g.count(t)
	require.Equal(t, "1", step())
	require.Equal(t, "2", step())
	_ = counted
	dir := filepath.Join(t.TempDir(), "saved")
	begin := time.Now()
	require.NoError(t, g.Agent.Call(t.Context(), agentproto.MethodFreeze, struct{}{}, nil))
	require.NoError(t, g.Save(t.Context(), dir, map[string]string{"agent": vzlinux.Version}))
	t.Logf("saved in %v", time.Since(begin).Round(time.Millisecond))
	state, _ := g.State()
	require.Equal(t, vzcore.Paused, state)

	// The machine goes on; its connections had ended, and with them what was
	// not detached.
	require.NoError(t, g.Resume(t.Context()))
	g.Connect(t)
	_, out := g.run(t, vzlinux.Command{Args: helper("read", "/run/count")})
	require.Equal(t, "2", out)
	require.NoError(t, g.Stop(t.Context()))

	var drawn, ids []string
	for i := range 2 {
		h := restore(t, arch, cfg, dir)
		seed := make([]byte, 64)
		_, _ = rand.Read(seed)
		id := fmt.Sprintf("%032x", i+1)
		require.NoError(t, h.Agent.Call(t.Context(), agentproto.MethodThaw, agentproto.ThawRequest{Now: time.Now(), Entropy: seed, Machine: id}, nil))
		_, out := h.run(t, vzlinux.Command{Args: helper("read", "/run/count")})
		require.Equal(t, "2", out, "files in memory are as they were")
		info, err := h.Agent.Info(t.Context())
		require.NoError(t, err)
		require.Less(t, time.Since(info.Now).Abs(), 30*time.Second)
		ids = append(ids, info.Machine)
		_, out = h.run(t, vzlinux.Command{Args: helper("random")})
		drawn = append(drawn, out)
		require.NoError(t, h.Stop(t.Context()))
	}
	require.NotEqual(t, drawn[0], drawn[1])
	require.NotEqual(t, ids[0], ids[1])
	t.Run("refused", func(t *testing.T) { testRestoreRefused(t, arch, cfg, dir) })
	t.Run("damaged", func(t *testing.T) { testRestoreDamaged(t, arch, cfg, dir) })
}

// count starts a program that counts, detached, and returns how to have it count.
func (g *Guest) count(t *testing.T) (step func() string, e *vzlinux.Exec) {
	t.Helper()
	input, push := io.Pipe()
	shown, output := io.Pipe()
	e, err := g.Agent.Start(t.Context(), vzlinux.Command{Args: helper("counter", "/run/count"), Stdin: input, Stdout: output, Detach: true})
	require.NoError(t, err)
	lines := bufio.NewScanner(shown)
	return func() string {
		_, err := push.Write([]byte("."))
		require.NoError(t, err)
		require.True(t, lines.Scan())
		return lines.Text()
	}, e
}

func restore(t *testing.T, arch string, cfg config.Config, dir string) *Guest {
	t.Helper()
	cfg.Console.Log = filepath.Join(t.TempDir(), "console.log")
	h := New(t, arch, cfg)
	begin := time.Now()
	require.NoError(t, h.Restore(t.Context(), dir))
	state, _ := h.State()
	require.Equal(t, vzcore.Paused, state)
	require.NoError(t, h.Resume(t.Context()))
	h.Connect(t)
	t.Logf("restored, agent answers after %v", time.Since(begin).Round(time.Millisecond))
	return h
}

func testRestoreRefused(t *testing.T, arch string, cfg config.Config, dir string) {
	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, os.WriteFile(other, []byte("another"), 0o644))
	for name, change := range map[string]func(*config.Config){
		"cpus was 2, is 1":         func(c *config.Config) { c.CPUs = 1 },
		"memory was 268435456":     func(c *config.Config) { c.Memory *= 2 },
		"kernel was":               func(c *config.Config) { c.Boot.Kernel = other },
		"initramfs was":            func(c *config.Config) { c.Boot.Initramfs = other },
		"balloon was true":         func(c *config.Config) { c.Balloon = false },
		"network was none":         func(c *config.Config) { c.Network.Kind = config.NetworkUser },
		"disks was [], is [d(read": func(c *config.Config) { c.Disks = []config.Disk{{ID: "d", Path: other}} },
	} {
		c := cfg.Clone()
		change(&c)
		h := New(t, arch, c)
		err := h.Restore(t.Context(), dir)
		require.ErrorIs(t, err, vzcontract.ErrConflict)
		require.ErrorContains(t, err, name)
		state, _ := h.State()
		require.Equal(t, vzcore.Stopped, state)
	}
}

func testRestoreDamaged(t *testing.T, arch string, cfg config.Config, dir string) {
	state := filepath.Join(dir, "state")
	good, err := os.ReadFile(state)
	require.NoError(t, err)
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)/2] ^= 1
	for _, bad := range [][]byte{flipped, good[:len(good)-1], nil} {
		require.NoError(t, os.WriteFile(state, bad, 0o600))
		h := New(t, arch, cfg)
		require.ErrorIs(t, h.Restore(t.Context(), dir), vzcore.ErrDamaged)
	}
	require.NoError(t, os.WriteFile(state, good, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte("{"), 0o600))
	h := New(t, arch, cfg)
	require.ErrorIs(t, h.Restore(t.Context(), dir), vzcore.ErrDamaged)
	// The same machine starts all the same.
	require.NoError(t, h.VM.Start(t.Context()))
	h.Connect(t)
}
