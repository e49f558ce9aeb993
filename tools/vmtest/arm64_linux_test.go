package vmtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcore/config"
	"vz.internal/vzlinux"
)

// TestArm64 does with an arm64 guest what differs by architecture: hot plug, and
// with it saving and restoring.
func TestArm64(t *testing.T) {
	cfg := Config(t, "arm64")
	cfg.Memory = 256 * config.MiB
	g := Start(t, "arm64", cfg)
	g.Install(t, "arm64")
	if os.Geteuid() == 0 {
		s := config.Share{Tag: "s", Source: t.TempDir()}
		require.NoError(t, os.WriteFile(filepath.Join(s.Source, "a"), []byte("shared"), 0o644))
		kind, err := g.Plug(t.Context(), s)
		require.NoError(t, err)
		path := g.mount(t, kind, s)
		_, out := g.run(t, vzlinux.Command{Args: helper("read", path+"/a")})
		require.Equal(t, "shared", out)
		g.unmount(t, path)
		begin := time.Now()
		require.NoError(t, g.Unplug(t.Context(), "s"))
		t.Logf("unplugged in %v", time.Since(begin).Round(time.Millisecond))
	}
	dir := filepath.Join(t.TempDir(), "saved")
	begin := time.Now()
	require.NoError(t, g.Save(t.Context(), dir, nil))
	t.Logf("saved in %v", time.Since(begin).Round(time.Millisecond))
	require.NoError(t, g.Stop(t.Context()))
	begin = time.Now()
	require.NoError(t, g.Restore(t.Context(), dir))
	require.NoError(t, g.Resume(t.Context()))
	g.Connect(t)
	t.Logf("restored, agent answers after %v", time.Since(begin).Round(time.Millisecond))
	_, out := g.run(t, vzlinux.Command{Args: helper("both")})
	require.ElementsMatch(t, []string{"out", "err"}, strings.Fields(out)) // two streams have no common order
}
