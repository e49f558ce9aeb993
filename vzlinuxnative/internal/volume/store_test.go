//go:build linux

package volume

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/mountnstest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestMain(m *testing.M) { mountnstest.Main(m) }

type uses map[string][]string

func (u uses) of(name string) ([]string, error) { return u[name], nil }

func store(t *testing.T, u uses) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "volumes"), u.of)
	require.NoError(t, err)
	return s
}

func create(t *testing.T, s *Store, cfg vzcontract.VolumeConfig) vzcontract.VolumeInfo {
	t.Helper()
	info, err := s.Create(cfg)
	require.NoError(t, err)
	return info
}

// TestOneUser: no other user gets at what is in volumes, such as a program that a container's
// root has left there with its setuid bit, also where all of this is new.
func TestOneUser(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	dir := filepath.Join(home, "volumes")
	for range 2 {
		s, err := Open(dir, uses{}.of)
		require.NoError(t, err)
		create(t, s, vzcontract.VolumeConfig{Name: "data"})
		for _, d := range []string{home, dir} {
			info, err := os.Stat(d)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), d)
		}
		require.NoError(t, os.Chmod(dir, 0o711)) // as an earlier vz had it
	}
}

func TestLife(t *testing.T) {
	u := uses{}
	s := store(t, u)
	_, err := s.Inspect("none")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	require.ErrorIs(t, s.Remove("none", false), vzcontract.ErrNotFound)
	require.NoError(t, s.Remove("none", true))
	info := create(t, s, vzcontract.VolumeConfig{Name: "data", Labels: map[string]string{"k": "v"}})
	require.Equal(t, "local", info.Driver)
	require.DirExists(t, info.Mountpoint)
	require.Equal(t, info, create(t, s, vzcontract.VolumeConfig{Name: "data"}))
	_, err = s.Create(vzcontract.VolumeConfig{Name: "data", Options: map[string]string{"type": "tmpfs"}})
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	u["data"] = []string{"0123456789abcdef"}
	require.ErrorIs(t, s.Remove("data", true), vzcontract.ErrConflict)
	report, err := s.Prune(true)
	require.NoError(t, err)
	require.Empty(t, report.Removed)
	delete(u, "data")
	anonymous := create(t, s, vzcontract.VolumeConfig{})
	require.True(t, anonymous.Anonymous)
	require.Len(t, anonymous.Name, 64)
	require.NoError(t, os.WriteFile(filepath.Join(anonymous.Mountpoint, "f"), make([]byte, 8192), 0o600))
	report, err = s.Prune(false)
	require.NoError(t, err)
	require.Equal(t, []string{anonymous.Name}, report.Removed)
	require.GreaterOrEqual(t, report.Freed, int64(8192))
	require.NoError(t, s.Remove("data", false))
	list, err := s.List()
	require.NoError(t, err)
	require.Empty(t, list)
	left, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "only the lock stays")
}

func TestRefusals(t *testing.T) {
	s := store(t, nil)
	for _, bad := range []string{"a/b", "../x", "-x", ".x", "a\n", strings.Repeat("x", 300)} {
		_, err := s.Create(vzcontract.VolumeConfig{Name: bad})
		require.ErrorIs(t, err, vzcontract.ErrValidation, bad)
		_, err = s.Inspect(bad)
		require.ErrorIs(t, err, vzcontract.ErrNotFound, bad)
	}
	_, err := s.Create(vzcontract.VolumeConfig{Name: "x", Driver: "nope"})
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	for text, class := range map[string]error{
		"type=nfs,device=:/x": vzcontract.ErrUnsupported, "size=1g": vzcontract.ErrUnsupported, "type=none,o=bind,device=rel": vzcontract.ErrValidation,
		"device=/x": vzcontract.ErrUnsupported,
	} {
		options := map[string]string{}
		for pair := range strings.SplitSeq(text, ",") {
			key, value, _ := strings.Cut(pair, "=")
			options[key] = value
		}
		_, err := s.Create(vzcontract.VolumeConfig{Name: "x", Options: options})
		require.ErrorIs(t, err, class, text)
	}
	list, err := s.List()
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestDamagedRecord(t *testing.T) {
	s := store(t, nil)
	create(t, s, vzcontract.VolumeConfig{Name: "good"})
	for what, damage := range map[string]func(file string) error{
		"junk": func(file string) error { return os.WriteFile(file, []byte("{"), 0o600) },
		"pipe": func(file string) error { return errors.Join(os.Remove(file), unix.Mkfifo(file, 0o600)) },
	} {
		create(t, s, vzcontract.VolumeConfig{Name: "bad"})
		require.NoError(t, damage(s.record("bad")))
		_, err := s.Inspect("bad")
		require.ErrorContains(t, err, s.record("bad"), what)
		list, err := s.List()
		require.NoError(t, err, what)
		require.Len(t, list, 1, what)
		require.Error(t, s.Remove("bad", false), what)
		require.NoError(t, s.Remove("bad", true), what)
		require.NoDirExists(t, s.volume("bad"), what)
	}
}

func TestLeftovers(t *testing.T) {
	s := store(t, nil)
	require.NoError(t, os.MkdirAll(filepath.Join(s.dir, ".new-killed/_data/x"), 0o755))
	list, err := s.List()
	require.NoError(t, err)
	require.Empty(t, list)
	create(t, s, vzcontract.VolumeConfig{Name: "a"})
	require.NoDirExists(t, filepath.Join(s.dir, ".new-killed"))
}

func TestManyAtOnce(t *testing.T) {
	s := store(t, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if _, err := s.Create(vzcontract.VolumeConfig{Name: "same"}); err != nil {
					t.Error(err)
				}
				if err := s.Remove("same", true); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// image is a root with files of all kinds in /data.
func image(t *testing.T) *os.File {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	require.NoError(t, os.MkdirAll(filepath.Join(data, "sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(data, "sub/f"), []byte("text"), 0o600))
	require.NoError(t, os.Link(filepath.Join(data, "sub/f"), filepath.Join(data, "hard")))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(data, "link")))
	require.NoError(t, os.Symlink("/data", filepath.Join(dir, "abs")))
	require.NoError(t, unix.Mkfifo(filepath.Join(data, "pipe"), 0o640))
	sparse, err := os.Create(filepath.Join(data, "sparse"))
	require.NoError(t, err)
	_, err = sparse.WriteAt([]byte("end"), 8<<20)
	require.NoError(t, err)
	require.NoError(t, sparse.Close())
	require.NoError(t, os.Lchown(filepath.Join(data, "link"), 5, 6))
	require.NoError(t, os.Chown(filepath.Join(data, "sub"), 7, 8))
	require.NoError(t, os.Chmod(data, 0o1777))
	require.NoError(t, os.Chmod(filepath.Join(data, "sub"), 0o2750))
	require.NoError(t, unix.Setxattr(filepath.Join(data, "sparse"), "user.x", []byte("y"), 0))
	require.NoError(t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(data, "sub"), []unix.Timespec{{Sec: 1}, {Sec: 12345, Nsec: 678}}, 0))
	root, err := os.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestFill(t *testing.T) {
	testreq.Root(t)
	s := store(t, nil)
	info := create(t, s, vzcontract.VolumeConfig{Name: "data"})
	root := image(t)
	require.NoError(t, s.Fill(t.Context(), "data", root, "/none"))
	require.NoError(t, s.Fill(t.Context(), "data", root, "/data/sub/f"))
	// As if a copy had been killed.
	require.NoError(t, os.WriteFile(filepath.Join(s.volume("data"), "filling"), nil, 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(info.Mountpoint, "half/made"), 0o755))
	require.NoError(t, s.Fill(t.Context(), "data", root, "/abs"))
	require.NoDirExists(t, filepath.Join(info.Mountpoint, "half"))
	require.NoFileExists(t, filepath.Join(s.volume("data"), "filling"))
	for _, name := range []string{".", "sub", "sub/f", "hard", "link", "pipe", "sparse"} {
		var want, got unix.Stat_t
		require.NoError(t, unix.Lstat(filepath.Join(root.Name(), "data", name), &want))
		require.NoError(t, unix.Lstat(filepath.Join(info.Mountpoint, name), &got), name)
		require.Equal(t, []any{want.Mode, want.Uid, want.Gid, want.Mtim, want.Nlink}, []any{got.Mode, got.Uid, got.Gid, got.Mtim, got.Nlink}, name)
		if want.Mode&unix.S_IFMT == unix.S_IFREG {
			require.Equal(t, want.Size, got.Size)
			require.Less(t, got.Blocks, int64(1000), "holes stay holes")
		}
	}
	var value [10]byte
	n, err := unix.Getxattr(filepath.Join(info.Mountpoint, "sparse"), "user.x", value[:])
	require.NoError(t, err)
	require.Equal(t, "y", string(value[:n]))
	// It is not filled again.
	require.NoError(t, os.Remove(filepath.Join(info.Mountpoint, "sparse")))
	require.NoError(t, s.Fill(t.Context(), "data", root, "/data"))
	require.NoFileExists(t, filepath.Join(info.Mountpoint, "sparse"))
}

func TestSubpath(t *testing.T) {
	s := store(t, nil)
	info := create(t, s, vzcontract.VolumeConfig{Name: "data"})
	require.NoError(t, os.MkdirAll(filepath.Join(info.Mountpoint, "sub/etc"), 0o755))
	require.NoError(t, os.Symlink("/sub/etc", filepath.Join(info.Mountpoint, "in")))
	require.NoError(t, os.Symlink("../../../../../../../../etc", filepath.Join(info.Mountpoint, "out")))
	for _, good := range []string{"sub", "/sub/etc", "in", "."} {
		f, err := s.OpenSubpath("data", good)
		require.NoError(t, err)
		real, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(real, info.Mountpoint), real)
		require.NoError(t, f.Close())
	}
	for _, bad := range []string{"../x", "sub/../../..", "missing", "out", "sub/etc/passwd"} {
		_, err := s.OpenSubpath("data", bad)
		require.ErrorIs(t, err, vzcontract.ErrValidation, bad)
	}
}

func TestTmpfsAndBind(t *testing.T) {
	testreq.Root(t)
	s := store(t, nil)
	info := create(t, s, vzcontract.VolumeConfig{Name: "tmp", Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=1m,noexec,mode=0711"}})
	for range 2 {
		path, err := s.Path("tmp")
		require.NoError(t, err)
		require.Equal(t, info.Mountpoint, path)
	}
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(info.Mountpoint, &st))
	require.EqualValues(t, unix.TMPFS_MAGIC, st.Type)
	require.NoError(t, s.Remove("tmp", false))
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), s.dir)

	device := t.TempDir()
	keep := filepath.Join(device, "keep")
	require.NoError(t, os.WriteFile(keep, nil, 0o600))
	create(t, s, vzcontract.VolumeConfig{Name: "bound", Options: map[string]string{"type": "none", "o": "bind", "device": device}})
	path, err := s.Path("bound")
	require.NoError(t, err)
	require.Equal(t, device, path)
	require.NoError(t, s.Remove("bound", false))
	require.FileExists(t, keep)
	create(t, s, vzcontract.VolumeConfig{Name: "missing", Options: map[string]string{"o": "bind", "device": device + "/none"}})
	_, err = s.Path("missing")
	require.ErrorIs(t, err, vzcontract.ErrValidation)
}

// TestUnknownUsers: a list that would lack what is there is an error.
func TestUnknownUsers(t *testing.T) {
	s := store(t, nil)
	create(t, s, vzcontract.VolumeConfig{Name: "there"})
	s.users = func(string) ([]string, error) { return nil, errors.New("damaged container") }
	_, err := s.List()
	require.ErrorContains(t, err, "damaged container")
	_, err = s.Prune(true)
	require.ErrorContains(t, err, "damaged container")
	require.DirExists(t, s.volume("there"))
}
