//go:build linux

package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestMakePlaces(t *testing.T) {
	whole := map[string]fs.FileMode{
		"": fs.ModeDir | 0o755, "dev": fs.ModeDir | 0o755, "proc": fs.ModeDir | 0o755, "sys": fs.ModeDir | 0o755, "etc": fs.ModeDir | 0o755,
		"etc/hosts": 0o644, "etc/hostname": 0o644, "etc/resolv.conf": 0o644,
	}
	check := func(t *testing.T, dir string) {
		for name, mode := range whole {
			st, err := os.Lstat(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, mode, st.Mode(), name)
		}
	}
	t.Run("new", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "home", "places")
		require.NoError(t, MakePlaces(dir))
		check(t, dir)
	})
	t.Run("killed in between", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "places")
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "etc/hosts"), nil, 0o644))
		require.NoError(t, MakePlaces(dir))
		check(t, dir)
	})
	t.Run("by many", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "places")
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := MakePlaces(dir); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		check(t, dir)
	})
	t.Run("not a directory", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "places")
		require.NoError(t, os.WriteFile(dir, nil, 0o644))
		require.ErrorIs(t, MakePlaces(dir), unix.ENOTDIR)
	})
}
