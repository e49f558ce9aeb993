//go:build linux

package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/mountnstest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestMain(m *testing.M) { mountnstest.Main(m) }

// layers makes directories with the given files; a text "-" is a whiteout, a
// name that ends with "/" an opaque directory.
func layers(t testing.TB, all ...map[string]string) []string {
	t.Helper()
	var dirs []string
	for _, files := range all {
		dir := t.TempDir()
		require.NoError(t, os.Chmod(dir, 0o755))
		for name, text := range files {
			path := filepath.Join(dir, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			switch {
			case strings.HasSuffix(name, "/"):
				require.NoError(t, os.MkdirAll(path, 0o755))
				require.NoError(t, unix.Setxattr(path, "trusted.overlay.opaque", []byte("y"), 0))
			case text == "-":
				require.NoError(t, unix.Mknod(path, unix.S_IFCHR, 0))
			default:
				require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
			}
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

func threeLayers(t testing.TB) []string {
	return layers(t,
		map[string]string{"etc/group": "-", "opt/": "", "opt/new": "new"},
		map[string]string{"etc/passwd": "second", "opt/old": "old"},
		map[string]string{"etc/passwd": "first", "etc/group": "gone", "bin/sh": "sh"},
	)
}

// checkRoot looks at the merged three layers below dir.
func checkRoot(t *testing.T, dir string) {
	t.Helper()
	for name, want := range map[string]string{"etc/passwd": "second", "bin/sh": "sh", "opt/new": "new"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, string(got), name)
	}
	for _, name := range []string{"etc/group", "opt/old"} {
		_, err := os.Lstat(filepath.Join(dir, name))
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
}

// viaFD names an open directory.
func viaFD(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// kernels runs f as with this kernel and as with an old one.
func kernels(t *testing.T, f func(t *testing.T)) {
	for _, old := range []bool{false, true} {
		t.Run(fmt.Sprintf("old=%v", old), func(t *testing.T) {
			oldKernel = old
			defer func() { oldKernel = false }()
			f(t)
		})
	}
}

func TestMount(t *testing.T) {
	testreq.Root(t)
	kernels(t, func(t *testing.T) {
		o := Options{Layers: threeLayers(t), Dir: t.TempDir()}
		require.NoError(t, os.Chmod(o.Layers[0], 0o711))
		root, err := Mount(o)
		require.NoError(t, err)
		defer func() { require.NoError(t, Unmount(o.Dir)) }()
		require.Equal(t, DriverOverlay, root.Driver)
		require.Equal(t, filepath.Join(o.Dir, "merged"), root.Path)
		require.Equal(t, strings.Join(o.Layers, ":"), root.Data["LowerDir"])
		checkRoot(t, root.Path)
		st, err := os.Stat(root.Path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o711), st.Mode().Perm(), "the root looks like the top layer's")
		require.NoError(t, os.WriteFile(filepath.Join(root.Path, "mark"), []byte("x"), 0o600))
		require.NoError(t, os.Chmod(filepath.Join(root.Path, "bin/sh"), 0o755))
		// A changed mode alone brings all bytes into the upper directory.
		text, err := os.ReadFile(filepath.Join(o.Dir, "upper", "bin/sh"))
		require.NoError(t, err)
		require.Equal(t, "sh", string(text))

		// A second mount sees the first one's writes.
		require.NoError(t, Unmount(o.Dir))
		_, err = os.Lstat(filepath.Join(root.Path, "mark"))
		require.ErrorIs(t, err, fs.ErrNotExist)
		root, err = Mount(o)
		require.NoError(t, err)
		require.FileExists(t, filepath.Join(root.Path, "mark"))
	})
}

func TestMountManyLayersWithOddNames(t *testing.T) {
	testreq.Root(t)
	for _, tt := range []struct {
		many int
		old  bool
	}{{many: 200}, {many: 128, old: true}} {
		t.Run(fmt.Sprintf("%d old=%v", tt.many, tt.old), func(t *testing.T) {
			oldKernel = tt.old
			defer func() { oldKernel = false }()
			base := filepath.Join(t.TempDir(), `odd: a,b\c`, strings.Repeat("long", 50), strings.Repeat("name", 40))
			o := Options{Dir: filepath.Join(base, "container")}
			require.NoError(t, os.MkdirAll(o.Dir, 0o755))
			for i := range tt.many {
				dir := filepath.Join(base, fmt.Sprint("layer", i))
				require.NoError(t, os.Mkdir(dir, 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprint("of", i)), nil, 0o600))
				o.Layers = append(o.Layers, dir)
			}
			root, err := Mount(o)
			require.NoError(t, err)
			defer func() { require.NoError(t, Unmount(o.Dir)) }()
			require.Equal(t, DriverOverlay, root.Driver, root.Data)
			names, err := os.ReadDir(root.Path)
			require.NoError(t, err)
			require.Len(t, names, tt.many)
		})
	}
}

func TestVolatile(t *testing.T) {
	testreq.Root(t)
	o := Options{Layers: threeLayers(t), Dir: t.TempDir(), Volatile: true}
	_, err := Mount(o)
	require.NoError(t, err)
	require.DirExists(t, filepath.Join(o.Dir, "work", "work", "incompat", "volatile"))
	require.NoError(t, Unmount(o.Dir))
	require.NoError(t, Remove(o.Dir))
	left, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestVolatileAgain mounts what a killed process had mounted: the kernel left
// its mark there.
func TestVolatileAgain(t *testing.T) {
	testreq.Root(t)
	kernels(t, func(t *testing.T) {
		o := Options{Layers: threeLayers(t), Dir: t.TempDir(), Volatile: true}
		root, err := Mount(o)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(root.Path, "mark"), []byte("x"), 0o600))
		require.NoError(t, Unmount(o.Dir))
		for _, volatile := range []bool{true, false} {
			o.Volatile = volatile
			root, err = Mount(o)
			require.NoError(t, err)
			require.Equal(t, DriverOverlay, root.Driver, root.Data)
			require.FileExists(t, filepath.Join(root.Path, "mark"))
			require.NoError(t, Unmount(o.Dir))
		}
		o.Volatile = true
		_, err = Mount(o)
		require.NoError(t, err)
		require.NoError(t, Unmount(o.Dir))
		f, err := Open(o)
		require.NoError(t, err)
		require.FileExists(t, viaFD(f)+"/mark")
		require.NoError(t, f.Close())
	})
}

func TestEmpty(t *testing.T) {
	testreq.Root(t)
	for _, tt := range []struct {
		name  string
		write func(o Options, root string) error
		left  bool // of the directories
	}{
		{"nothing written", func(Options, string) error { return nil }, true},
		{"a file", func(_ Options, root string) error { return os.WriteFile(root+"/mark", nil, 0o600) }, false},
		{"a copy", func(o Options, _ string) error { return os.WriteFile(filepath.Join(o.Dir, copyFile), nil, 0o600) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Layers: threeLayers(t), Dir: t.TempDir()}
			root, err := Mount(o)
			require.NoError(t, err)
			require.NoError(t, tt.write(o, root.Path))
			require.NoError(t, Empty(o.Dir))
			noMountBelow(t, o.Dir)
			left, err := os.ReadDir(o.Dir)
			require.NoError(t, err)
			require.Equal(t, tt.left, len(left) > 0, "left %v", left)
			require.NoError(t, Empty(o.Dir), "again")
			require.NoError(t, Remove(o.Dir))
			require.NoDirExists(t, filepath.Join(o.Dir, "upper"))
		})
	}
}

func TestMountRefusals(t *testing.T) {
	testreq.Root(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Mount(Options{Dir: dir})
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	_, err = Mount(Options{Dir: dir, Layers: []string{"relative"}})
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	for _, layer := range []string{filepath.Join(dir, "none"), file} {
		_, err = Mount(Options{Dir: dir, Layers: append(threeLayers(t), layer)})
		require.ErrorContains(t, err, layer)
		require.NoFileExists(t, filepath.Join(dir, copyFile), "a broken layer is no reason to copy")
	}
}

// inNoNamespace fails when dir is on a mount.
func noMountBelow(t *testing.T, dir string) {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), dir)
}

func TestOpen(t *testing.T) {
	testreq.Root(t)
	kernels(t, func(t *testing.T) {
		o := Options{Layers: threeLayers(t), Dir: t.TempDir()}
		f, err := Open(o)
		require.NoError(t, err)
		noMountBelow(t, o.Dir)
		checkRoot(t, viaFD(f))
		require.NoError(t, os.WriteFile(viaFD(f)+"/mark", []byte("x"), 0o600))
		require.NoError(t, f.Close())
		require.FileExists(t, filepath.Join(o.Dir, "upper/mark"))

		o.ReadOnly = true
		f, err = Open(o)
		require.NoError(t, err)
		checkRoot(t, viaFD(f))
		require.FileExists(t, viaFD(f)+"/mark")
		require.ErrorIs(t, os.WriteFile(viaFD(f)+"/more", nil, 0o600), unix.EROFS)
		noMountBelow(t, o.Dir)
		require.NoError(t, f.Close())

		f, err = OpenLayers(o.Layers)
		require.NoError(t, err)
		checkRoot(t, viaFD(f))
		require.NoFileExists(t, viaFD(f)+"/mark")
		require.NoError(t, f.Close())
		require.NoError(t, Remove(o.Dir))
	})
	one, err := OpenLayers(threeLayers(t)[2:])
	require.NoError(t, err)
	require.FileExists(t, viaFD(one)+"/bin/sh")
	require.NoError(t, one.Close())
}

// overlayOnOverlay is a directory that cannot be an upper one.
func overlayOnOverlay(t *testing.T) string {
	t.Helper()
	o := Options{Layers: layers(t, map[string]string{"dir/x": "x"}), Dir: t.TempDir()}
	root, err := Mount(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = Unmount(o.Dir) }) // it is detached, whoever uses it
	dir := filepath.Join(root.Path, "container")
	require.NoError(t, os.Mkdir(dir, 0o755))
	return dir
}

func TestCopyWhereOverlayCannotWork(t *testing.T) {
	testreq.Root(t)
	kernels(t, func(t *testing.T) {
		o := Options{Layers: threeLayers(t), Dir: overlayOnOverlay(t)}
		require.NoError(t, os.Mkdir(filepath.Join(o.Dir, "merged.new"), 0o755)) // as if killed
		require.NoError(t, os.WriteFile(filepath.Join(o.Dir, "merged.new/half"), nil, 0o600))
		root, err := Mount(o)
		require.NoError(t, err)
		require.Equal(t, DriverCopy, root.Driver)
		require.Contains(t, root.Data["Reason"], "invalid argument")
		checkRoot(t, root.Path)
		require.NoFileExists(t, filepath.Join(root.Path, "half"))
		require.NoError(t, os.WriteFile(filepath.Join(root.Path, "mark"), []byte("x"), 0o600))
		require.NoFileExists(t, filepath.Join(o.Layers[0], "mark"))
		require.NoError(t, Unmount(o.Dir))
		again, err := Mount(o)
		require.NoError(t, err)
		require.Equal(t, root, again)
		require.FileExists(t, filepath.Join(again.Path, "mark"))
		require.NoError(t, Unmount(o.Dir))
		f, err := Open(o)
		require.NoError(t, err)
		require.FileExists(t, viaFD(f)+"/mark")
		require.NoError(t, f.Close())
		require.NoError(t, Remove(o.Dir))
		require.NoDirExists(t, root.Path)
	})
}

func TestRemoveIsIdempotentAndUnmounts(t *testing.T) {
	testreq.Root(t)
	o := Options{Layers: threeLayers(t), Dir: t.TempDir()}
	for range 2 { // mounted twice, as by a start after a kill -9
		_, err := Mount(o)
		require.NoError(t, err)
	}
	keep := filepath.Join(o.Dir, "config.json")
	require.NoError(t, os.WriteFile(keep, nil, 0o600))
	for range 2 {
		require.NoError(t, Remove(o.Dir))
	}
	noMountBelow(t, o.Dir)
	left, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "what is not the root's stays")
	checkLayersWhole(t, o.Layers)
	require.NoError(t, Unmount(filepath.Join(o.Dir, "none")))
}

func checkLayersWhole(t *testing.T, dirs []string) {
	t.Helper()
	for dir, name := range map[string]string{dirs[0]: "opt/new", dirs[1]: "opt/old", dirs[2]: "bin/sh"} {
		require.FileExists(t, filepath.Join(dir, name))
	}
}

func TestRemoveRefusesForeignMounts(t *testing.T) {
	testreq.Root(t)
	dir, victim := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(victim, "x"), nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "upper"), 0o755))
	require.NoError(t, unix.Mount(victim, filepath.Join(dir, "upper"), "", unix.MS_BIND, ""))
	defer func() { require.NoError(t, unix.Unmount(filepath.Join(dir, "upper"), 0)) }()
	require.ErrorContains(t, Remove(dir), "something is mounted")
	require.FileExists(t, filepath.Join(victim, "x"))
}

func TestOverlayImpossible(t *testing.T) {
	for err, want := range map[error]bool{
		unix.EINVAL: true, unix.ENODEV: true, unix.ENOSPC: false, unix.ENOENT: false, unix.EMFILE: false,
	} {
		require.Equal(t, want, overlayImpossible(fmt.Errorf("x: %w", err)), err)
	}
	require.False(t, overlayImpossible(errors.New("x")))
}
