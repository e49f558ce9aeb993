//go:build linux

package rootview

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// changeable is container with paths that are not the host's: a mistake in what is
// tested must not spoil that.
func changeable(t *testing.T) (root *os.File, dir, victim string) {
	t.Helper()
	root, dir, victim = container(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "vz-other/bin"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "vz-inside"), 0o755))
	require.NoError(t, os.Symlink("/vz-other/bin", filepath.Join(dir, "vz-other/to-bin")))
	return root, dir, victim
}

// outside is what lies beside the root of a container.
func outside(t *testing.T, victim string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(filepath.Dir(victim), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Base(path) == "root" {
			return fs.SkipDir
		}
		names = append(names, path)
		return err
	}))
	return names
}

func TestRemove(t *testing.T) {
	testreq.Root(t)
	root, dir, _ := changeable(t)
	d := filepath.Join(dir, "vz-inside/d")
	require.NoError(t, os.MkdirAll(filepath.Join(d, "a/b/c"), 0o000))
	for i := range 3 * batch {
		require.NoError(t, os.WriteFile(filepath.Join(d, fmt.Sprint("f", i)), nil, 0o000))
	}
	require.NoError(t, unix.Mkfifo(filepath.Join(d, "a/pipe"), 0o600))
	require.NoError(t, os.Symlink("/usr", filepath.Join(d, "a/usr")))
	require.NoError(t, Remove(t.Context(), root, "/vz-inside/d"))
	require.NoDirExists(t, d)
	require.DirExists(t, filepath.Join(dir, "vz-other/bin"))
	require.ErrorIs(t, Remove(t.Context(), root, "/vz-inside/d"), vzcontract.ErrNotFound)
}

// TestRemoveDeep removes what is nested deeper than a removal has descriptors.
func TestRemoveDeep(t *testing.T) {
	testreq.Root(t)
	root, dir, _ := changeable(t)
	const depth = 5*maxOpen + 7
	at, err := unix.Open(filepath.Join(dir, "vz-inside"), unix.O_PATH|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	for i := range depth {
		require.NoError(t, unix.Mkdirat(at, "d", 0o700))
		if i%100 == 50 {
			require.NoError(t, unix.Mkdirat(at, "beside", 0o700))
		}
		next, err := unix.Openat(at, "d", unix.O_PATH|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Close(at))
		at = next
	}
	require.NoError(t, unix.Mkdirat(at, "end", 0o700))
	require.NoError(t, unix.Close(at))
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
	open, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	few := old
	few.Cur = uint64(len(open) + maxOpen + 20)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &few))
	err = Remove(t.Context(), root, "/vz-inside/d")
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
	require.NoError(t, err)
	left, err := os.ReadDir(filepath.Join(dir, "vz-inside"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestRemoveMount lets alone what is mounted in a tree, whatever it is mounted on.
func TestRemoveMount(t *testing.T) {
	testreq.Root(t)
	for name, source := range map[string]string{"directory": "dir", "file": "dir/kept"} {
		t.Run(name, func(t *testing.T) {
			root, dir, victim := changeable(t)
			host := filepath.Dir(victim)
			require.NoError(t, os.Mkdir(filepath.Join(host, "dir"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(host, "dir/kept"), []byte("kept"), 0o600))
			at := filepath.Join(dir, "vz-inside/d/m")
			require.NoError(t, os.Mkdir(filepath.Dir(at), 0o755))
			if source == "dir" {
				require.NoError(t, os.Mkdir(at, 0o755))
			} else {
				require.NoError(t, os.WriteFile(at, nil, 0o600))
			}
			require.NoError(t, unix.Mount(filepath.Join(host, source), at, "", unix.MS_BIND, ""))
			defer func() { require.NoError(t, unix.Unmount(at, 0)) }()
			for _, path := range []string{"/vz-inside/d/m", "/vz-inside/d", "/vz-inside"} {
				err := Remove(t.Context(), root, path)
				require.ErrorIs(t, err, vzcontract.ErrConflict)
				require.ErrorContains(t, err, "/vz-inside/d/m: something is mounted there")
			}
			require.ErrorIs(t, Move(root, "/vz-inside/d/m", "/vz-inside/x"), vzcontract.ErrConflict)
			require.ErrorIs(t, Move(root, "/vz-other/bin", "/vz-inside/d/m"), map[string]error{"dir": vzcontract.ErrConflict, "dir/kept": vzcontract.ErrValidation}[source])
			if source == "dir" {
				require.ErrorIs(t, Move(root, "/vz-other/bin", "/vz-inside/d/m/bin"), vzcontract.ErrUnsupported)
				require.ErrorIs(t, Move(root, "/vz-inside/d/m/kept", "/vz-inside/kept"), vzcontract.ErrUnsupported)
			}
			require.Equal(t, "kept", text(t, filepath.Join(host, "dir/kept")))
			require.DirExists(t, filepath.Join(dir, "vz-other/bin"))
		})
	}
}

func TestRemoveEnds(t *testing.T) {
	testreq.Root(t)
	root, dir, _ := changeable(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "vz-inside/d/e"), 0o755))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, Remove(ctx, root, "/vz-inside/d"), context.Canceled)
	// A file that cannot go is named.
	f := filepath.Join(dir, "vz-inside/d/e/\nf")
	require.NoError(t, os.WriteFile(f, nil, 0o600))
	fixed, err := os.Open(f)
	require.NoError(t, err)
	defer fixed.Close()
	const immutable = 0x10
	if err := unix.IoctlSetPointerInt(int(fixed.Fd()), unix.FS_IOC_SETFLAGS, immutable); err != nil {
		t.Skipf("needs files that cannot be removed: %v", err)
	}
	defer func() { require.NoError(t, unix.IoctlSetPointerInt(int(fixed.Fd()), unix.FS_IOC_SETFLAGS, 0)) }()
	err = Remove(t.Context(), root, "/vz-inside/d")
	require.ErrorIs(t, err, vzcontract.ErrDenied)
	require.ErrorContains(t, err, `"/vz-inside/d/e/\nf": `)
}

// TestChangesMeanwhile changes files while a container exchanges a directory with a
// link to the host's, as fast as it can, and fills another.
func TestChangesMeanwhile(t *testing.T) {
	testreq.Root(t)
	root, dir, victim := changeable(t)
	host := filepath.Dir(victim)
	require.NoError(t, os.MkdirAll(filepath.Join(host, "full/of"), 0o755))
	before := outside(t, victim)
	a, b := filepath.Join(dir, "vz-inside/a"), filepath.Join(dir, "vz-inside/b")
	require.NoError(t, os.Symlink(host, b))
	stop := make(chan struct{})
	var busy sync.WaitGroup
	each := func(do func(i int)) {
		busy.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					do(i)
				}
			}
		})
	}
	each(func(int) { _ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE) })
	each(func(i int) {
		_ = os.MkdirAll(filepath.Join(dir, "vz-inside/w/x/y"), 0o755)
		_ = os.WriteFile(filepath.Join(dir, "vz-inside/w/x/y", fmt.Sprint(i%50)), nil, 0o600)
	})
	each(func(int) { // what is being emptied is moved elsewhere
		_ = os.Rename(filepath.Join(dir, "vz-inside/w/x"), filepath.Join(dir, "vz-inside/x"))
		_ = os.RemoveAll(filepath.Join(dir, "vz-inside/x"))
	})
	made, removed := 0, 0
	for range 3000 {
		if MakeDir(root, "/vz-inside/a/full/of/it", 0o755) == nil {
			made++
		}
		_, _ = List(t.Context(), root, "/vz-inside/a/full")
		_ = Move(root, "/vz-inside/a/victim", "/vz-inside/stolen")
		_ = Move(root, "/vz-other/bin", "/vz-inside/a/bin")
		_ = Move(root, "/vz-inside/a/bin", "/vz-other/bin")
		_ = Remove(t.Context(), root, "/vz-inside/a/full")
		if err := Remove(t.Context(), root, "/vz-inside/w"); err == nil {
			removed++
		} else {
			require.ErrorIs(t, err, vzcontract.ErrNotFound)
		}
		if i, err := os.Lstat(a); err == nil && i.Mode()&fs.ModeSymlink != 0 {
			_ = os.Mkdir(filepath.Join(b, "full"), 0o755)
		}
	}
	close(stop)
	busy.Wait()
	require.NotZero(t, made)
	require.NotZero(t, removed)
	require.Equal(t, before, outside(t, victim))
	require.Equal(t, "untouched", text(t, victim))
	require.NoFileExists(t, filepath.Join(dir, "vz-inside/stolen"))
}

// TestOpenBelow: what was exchanged after a look at it is not entered.
func TestOpenBelow(t *testing.T) {
	testreq.Root(t)
	_, dir, victim := changeable(t)
	tmp := filepath.Join(dir, "vz-inside")
	require.NoError(t, os.MkdirAll(filepath.Join(tmp, "d/sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tmp, "f"), nil, 0o600))
	require.NoError(t, os.Symlink(filepath.Dir(victim), filepath.Join(tmp, "abs")))
	require.NoError(t, os.Symlink("d", filepath.Join(tmp, "rel")))
	require.NoError(t, os.Mkdir(filepath.Join(tmp, "m"), 0o755))
	require.NoError(t, unix.Mount(filepath.Join(dir, "usr"), filepath.Join(tmp, "m"), "", unix.MS_BIND, ""))
	defer func() { require.NoError(t, unix.Unmount(filepath.Join(tmp, "m"), 0)) }()
	at, err := os.Open(tmp)
	require.NoError(t, err)
	defer at.Close()
	f, err := openBelow(int(at.Fd()), "d")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	for _, name := range []string{"f", "abs", "rel", "none"} {
		_, err := openBelow(int(at.Fd()), name)
		require.True(t, vanished(err), "%s: %v", name, err)
	}
	_, err = openBelow(int(at.Fd()), "m")
	require.ErrorIs(t, err, errMounted)
}

func TestMakeDir(t *testing.T) {
	testreq.Root(t)
	root, dir, victim := changeable(t)
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	before := outside(t, victim)
	require.NoError(t, os.Symlink(victim+"-new", filepath.Join(dir, "vz-inside/out")))
	require.NoError(t, unix.Chown(filepath.Join(dir, "vz-inside"), 5, 6))
	require.NoError(t, unix.Chmod(filepath.Join(dir, "vz-inside"), 0o2777))
	for name, want := range map[string]uint32{"/vz-inside/x/y": 0o4711, "/vz-inside/p/q/../../r": 0o700, "/vz-inside/s/": 0o777, "/vz-inside/u/.": 0o750, "/vz-other/to-bin/in": 0} {
		require.NoError(t, MakeDir(root, name, want), name)
		var st unix.Stat_t
		require.NoError(t, unix.Lstat(filepath.Join(dir, strings.Replace(name, "/to-bin/", "/bin/", 1)), &st), name)
		require.Equal(t, unix.S_IFDIR|want, st.Mode, name)
		require.Zero(t, st.Uid+st.Gid, name)
	}
	for _, name := range []string{"/vz-inside/x", "/vz-inside/p", "/vz-inside/p/q"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, fs.ModeDir|0o755, info.Mode(), name)
	}
	for _, name := range []string{"/vz-inside/out", "/vz-inside/out/x", "/vz-inside/out/"} {
		require.ErrorIs(t, MakeDir(root, name, 0o755), vzcontract.ErrValidation, name)
	}
	require.Equal(t, before, outside(t, victim))
}

func TestList(t *testing.T) {
	testreq.Root(t)
	root, dir, _ := changeable(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vz-inside/\xff"), []byte("123"), 0o4750))
	require.NoError(t, os.Symlink("/usr", filepath.Join(dir, "vz-inside/l")))
	list, err := List(t.Context(), root, "/vz-inside/")
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, vzcontract.PathStat{Name: "l", Size: 4, Mode: uint32(fs.ModeSymlink | 0o777), ModTime: list[0].ModTime, LinkTarget: "/usr"}, list[0])
	require.Equal(t, "\xff", list[1].Name)
	big := filepath.Join(dir, "vz-other/bin")
	long := strings.Repeat("x", unix.PathMax-1)
	for i := range maxTargets/len(long) + 1 {
		require.NoError(t, os.Symlink(long, filepath.Join(big, fmt.Sprint(i))))
	}
	_, err = List(t.Context(), root, "/vz-other/to-bin")
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	proc, err := os.Open("/proc")
	require.NoError(t, err)
	defer proc.Close()
	list, err = List(t.Context(), proc, "/self")
	require.NoError(t, err)
	require.NotEmpty(t, list)
}
