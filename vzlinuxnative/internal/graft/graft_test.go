//go:build linux

package graft

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/mountnstest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestMain(m *testing.M) { mountnstest.Main(m) }

func TestParse(t *testing.T) {
	all, err := parse([]byte("25 1 254:0 / / rw,noatime shared:1 - ext4 /dev/root rw\n" +
		"30 25 0:71 /a /with\\040blank\\134and\\011more ro - tmpfs none rw\n"))
	require.NoError(t, err)
	require.Equal(t, []mount{{25, 1, "/"}, {30, 25, "/with blank\\and\tmore"}}, all)
	for _, bad := range []string{"25 1 254:0 /\n", "x 1 254:0 / / rw\n", "25 -1 254:0 / / rw\n"} {
		_, err := parse([]byte(bad))
		require.Error(t, err, bad)
	}
}

func TestWithBelow(t *testing.T) {
	all := []mount{{4, 3, "/a/b/c"}, {3, 2, "/a/b"}, {2, 1, "/a"}, {1, 1, "/"}, {5, 1, "/d"}, {6, 2, "/a"}}
	require.Equal(t, []mount{{2, 1, "/a"}, {3, 2, "/a/b"}, {6, 2, "/a"}, {4, 3, "/a/b/c"}}, withBelow(all, all[2]))
}

// other returns a mount namespace besides this one, with the same files.
func other(t *testing.T) *os.File {
	t.Helper()
	testreq.Root(t)
	type result struct {
		ns  *os.File
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNS)
		if err != nil {
			made <- result{nil, err}
			return
		}
		ns, err := os.Open("/proc/thread-self/ns/mnt")
		made <- result{ns, err}
	}()
	r := <-made
	require.NoError(t, r.err)
	t.Cleanup(func() { r.ns.Close() })
	return r.ns
}

// clone returns a detached mount of a file or directory.
func clone(t *testing.T, name string) *os.File {
	t.Helper()
	fd, err := unix.OpenTree(unix.AT_FDCWD, name, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	require.NoError(t, err)
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestAttachAndDetach(t *testing.T) {
	ns := other(t)
	source, target := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(source, "in"), nil, 0o600))
	place := filepath.Join(target, "new", "place")
	tree := clone(t, source)
	id, err := IDOf(tree)
	require.NoError(t, err)
	require.NoError(t, Attach(Attachment{Namespace: ns, Tree: tree, Target: place}))
	there, err := Mounted(ns)
	require.NoError(t, err)
	require.True(t, there[id])
	require.NoFileExists(t, filepath.Join(place, "in"), "this namespace has it too")
	require.DirExists(t, place)

	second := clone(t, source)
	for _, taken := range []string{place, filepath.Dir(place), "/"} {
		require.ErrorIs(t, Attach(Attachment{Namespace: ns, Tree: second, Target: taken}), vzcontract.ErrConflict, taken)
	}
	file := clone(t, filepath.Join(source, "in"))
	require.NoError(t, Attach(Attachment{Namespace: ns, Tree: file, Target: filepath.Join(target, "other")}))
	require.ErrorIs(t, Attach(Attachment{Namespace: ns, Tree: second, Target: filepath.Join(target, "other", "below")}), vzcontract.ErrValidation)
	require.NoError(t, os.Symlink("nowhere", filepath.Join(target, "link")))
	require.ErrorIs(t, Attach(Attachment{Namespace: ns, Tree: second, Target: filepath.Join(target, "link")}), vzcontract.ErrValidation)

	require.ErrorIs(t, Detach(ns, id), vzcontract.ErrConflict, "the tree is open")
	require.NoError(t, tree.Close())
	// Whatever becomes of the directories above it, the mount is found.
	require.NoError(t, os.Rename(filepath.Join(target, "new"), filepath.Join(target, "moved")))
	require.NoError(t, os.MkdirAll(place, 0o700))
	require.NoError(t, Detach(ns, id))
	there, err = Mounted(ns)
	require.NoError(t, err)
	require.False(t, there[id])
	require.NoError(t, Detach(ns, id), "one that has gone")
}

// TestDetachPutsBack: of a tree that cannot be removed as a whole, all stays.
func TestDetachPutsBack(t *testing.T) {
	ns := other(t)
	source, target := t.TempDir(), t.TempDir()
	for _, dir := range []string{"cover", "x/a", "b"} {
		require.NoError(t, os.MkdirAll(filepath.Join(source, dir), 0o700))
	}
	tree := clone(t, source)
	id, err := IDOf(tree)
	require.NoError(t, err)
	require.NoError(t, Attach(Attachment{Namespace: ns, Tree: tree, Target: target}))
	require.NoError(t, tree.Close())
	at := func(dir string) string { return filepath.Join(target, dir) }
	require.NoError(t, inside(ns, func(view) error {
		return errors.Join(
			unix.Mount("none", at("cover"), "tmpfs", 0, ""),
			unix.Mount("none", at("x/a"), "tmpfs", 0, ""),
			unix.Mount("none", at("b"), "tmpfs", 0, ""), // goes first
			unix.Mount(at("cover"), at("x"), "", unix.MS_MOVE, ""),
		)
	}))
	points := func() (all []string) {
		require.NoError(t, inside(ns, func(v view) error {
			mounts, err := v.mounts()
			for _, m := range mounts {
				all = append(all, m.point)
			}
			return err
		}))
		return all
	}
	before := points()
	require.ErrorIs(t, Detach(ns, id), vzcontract.ErrConflict, "x/a is covered")
	require.ElementsMatch(t, before, points())
}

// TestThreadsEnd: neither the main thread nor another stays in the namespace.
func TestThreadsEnd(t *testing.T) {
	ns := other(t)
	var want unix.Stat_t
	require.NoError(t, unix.Fstat(int(ns.Fd()), &want))
	for range 100 {
		_, err := Mounted(ns)
		require.NoError(t, err)
	}
	var main unix.Stat_t
	require.NoError(t, unix.Stat("/proc/self/ns/mnt", &main))
	require.NotEqual(t, want.Ino, main.Ino)
}
