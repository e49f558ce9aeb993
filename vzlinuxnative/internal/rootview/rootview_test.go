//go:build linux

package rootview

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/mountnstest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestMain(m *testing.M) { mountnstest.Main(m) }

type entry struct {
	tar.Header
	text string
}

func file(name, text string) entry {
	return entry{tar.Header{Name: name, Mode: 0o640, Typeflag: tar.TypeReg}, text}
}

func link(kind byte, name, to string) entry {
	return entry{Header: tar.Header{Name: name, Typeflag: kind, Linkname: to}}
}

func archive(t testing.TB, entries ...entry) *bytes.Reader {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		e.Size = int64(len(e.text))
		require.NoError(t, w.WriteHeader(&e.Header))
		_, err := io.WriteString(w, e.text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return bytes.NewReader(buf.Bytes())
}

// container is a root with some files, beside a file of the host.
func container(t testing.TB) (root *os.File, dir, victim string) {
	t.Helper()
	base := t.TempDir()
	victim = filepath.Join(base, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("untouched"), 0o600))
	dir = filepath.Join(base, "root")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "tmp"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "usr/bin"), 0o755))
	require.NoError(t, os.Symlink("/usr/bin", filepath.Join(dir, "bin")))
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	root = os.NewFile(uintptr(fd), dir)
	t.Cleanup(func() { _ = root.Close() })
	return root, dir, victim
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

func TestIn(t *testing.T) {
	testreq.Root(t)
	root, dir, _ := container(t)
	at := time.Unix(1000000, 5000)
	sub := entry{Header: tar.Header{Name: "./d/", Typeflag: tar.TypeDir, Mode: 0o2750, Uid: 3, Gid: 4, ModTime: at}}
	f := file("d/f", "text")
	f.Uid, f.Gid, f.ModTime, f.Mode, f.Format = 5, 6, at, 0o4755, tar.FormatPAX
	f.PAXRecords = map[string]string{"SCHILY.xattr.user.x": "y", "SCHILY.xattr.trusted.overlay.opaque": "y"}
	in := func(keep bool) {
		t.Helper()
		a := archive(t, sub, f, link(tar.TypeLink, "d/hard", "./d/f"), link(tar.TypeSymlink, "l", "/etc/passwd"), file("made/for/it", ""))
		require.NoError(t, In(t.Context(), root, "/tmp/../tmp", a, vzcontract.CopyInOptions{KeepOwner: keep}))
	}
	for _, keep := range []bool{true, false} {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "tmp/d")))
		for range 2 { // the second time over the first
			in(keep)
		}
		var st unix.Stat_t
		require.NoError(t, unix.Lstat(filepath.Join(dir, "tmp/d/f"), &st))
		require.EqualValues(t, 2, st.Nlink)
		require.Equal(t, uint32(unix.S_IFREG|0o4755), st.Mode)
		require.Equal(t, at.UnixNano(), st.Mtim.Nano())
		require.Equal(t, map[bool][2]uint32{true: {5, 6}, false: {0, 0}}[keep], [2]uint32{st.Uid, st.Gid})
		require.NoError(t, unix.Lstat(filepath.Join(dir, "tmp/d"), &st))
		require.Equal(t, uint32(unix.S_IFDIR|0o2750), st.Mode)
		require.Equal(t, map[bool][2]uint32{true: {3, 4}, false: {0, 0}}[keep], [2]uint32{st.Uid, st.Gid})
	}
	require.Equal(t, "text", text(t, filepath.Join(dir, "tmp/d/hard")))
	var value [8]byte
	n, err := unix.Getxattr(filepath.Join(dir, "tmp/d/f"), "user.x", value[:])
	require.NoError(t, err)
	require.Equal(t, "y", string(value[:n]))
	_, err = unix.Getxattr(filepath.Join(dir, "tmp/d/f"), "trusted.overlay.opaque", value[:])
	require.ErrorIs(t, err, unix.ENODATA)
	to, err := os.Readlink(filepath.Join(dir, "tmp/l"))
	require.NoError(t, err)
	require.Equal(t, "/etc/passwd", to)
	// Through a link that is there, inside the root.
	require.NoError(t, In(t.Context(), root, "/", archive(t, entry{Header: tar.Header{Name: "bin", Typeflag: tar.TypeDir, Mode: 0o755}}, file("bin/tool", "x")), vzcontract.CopyInOptions{}))
	require.FileExists(t, filepath.Join(dir, "usr/bin/tool"))
	names, err := filepath.Glob(filepath.Join(dir, "*/.vz-*"))
	require.NoError(t, err)
	require.Empty(t, names)
}

func TestInRefusals(t *testing.T) {
	testreq.Root(t)
	root, dir, _ := container(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	folder := entry{Header: tar.Header{Name: "file", Typeflag: tar.TypeDir}}
	whole, err := io.ReadAll(archive(t, file("tmp/f", strings.Repeat("x", 4096))))
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		dir   string
		in    io.Reader
		class error
	}{
		"no directory":       {"/none", archive(t, file("f", "")), vzcontract.ErrNotFound},
		"a file":             {"/file", archive(t, file("f", "")), vzcontract.ErrValidation},
		"file for directory": {"/", archive(t, file("tmp", "")), vzcontract.ErrValidation},
		"directory for file": {"/", archive(t, folder), vzcontract.ErrValidation},
		"below a file":       {"/", archive(t, file("file/x", "")), vzcontract.ErrValidation},
		"up":                 {"/tmp", archive(t, file("../x", "")), vzcontract.ErrValidation},
		"link up":            {"/tmp", archive(t, link(tar.TypeLink, "x", "../../victim")), vzcontract.ErrValidation},
		"device":             {"/tmp", archive(t, entry{Header: tar.Header{Name: "x", Typeflag: tar.TypeChar}}), vzcontract.ErrUnsupported},
		"garbage":            {"/tmp", strings.NewReader(strings.Repeat("no tar", 200)), vzcontract.ErrValidation},
		"cut":                {"/", bytes.NewReader(whole[:2000]), vzcontract.ErrValidation},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, In(t.Context(), root, tt.dir, tt.in, vzcontract.CopyInOptions{}), tt.class)
		})
	}
	left, err := os.ReadDir(filepath.Join(dir, "tmp"))
	require.NoError(t, err)
	require.Empty(t, left)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, In(ctx, root, "/", archive(t, file("f", "")), vzcontract.CopyInOptions{}), context.Canceled)
}

// TestHostile tries to get at the host's file through links of all kinds.
func TestHostile(t *testing.T) {
	testreq.Root(t)
	root, dir, victim := container(t)
	outside := filepath.Dir(victim)
	up := strings.Repeat("../", 30)
	for name, to := range map[string]string{"abs": outside, "rel": up + outside[1:], "file": victim, "proc": "/proc/self/root"} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, "tmp", name)))
	}
	for name, a := range map[string]*bytes.Reader{
		"absolute": archive(t, file(victim, "hacked")), "abs": archive(t, file("abs/victim", "hacked")), "rel": archive(t, file("rel/victim", "hacked")),
		"own link": archive(t, link(tar.TypeSymlink, "own", outside), file("own/victim", "hacked")), "over": archive(t, file("file", "hacked")),
		"hard to link": archive(t, link(tar.TypeLink, "hl", "file"), file("hl", "hacked")),
		"hard":         archive(t, link(tar.TypeLink, "h", victim), file("h", "hacked")),
	} {
		_ = In(t.Context(), root, "/tmp", a, vzcontract.CopyInOptions{}) // an error is fine, and so is a file inside
		require.Equal(t, "untouched", text(t, victim), name)
	}
	for _, name := range []string{"/tmp/file", "/tmp/file/", "/tmp/abs/victim", "/tmp/rel/victim", up + victim[1:], "/tmp/proc" + victim} {
		r, _, err := Out(t.Context(), root, name)
		if err != nil {
			continue
		}
		b, _ := io.ReadAll(r) // also of a broken archive
		require.NotContains(t, string(b), "untouched", name)
		require.NoError(t, r.Close())
	}
}

// TestSwappedMeanwhile copies while a container exchanges a directory with a
// link to the host's, as fast as it can.
func TestSwappedMeanwhile(t *testing.T) {
	testreq.Root(t)
	root, dir, victim := container(t)
	outside := filepath.Dir(victim)
	a, b := filepath.Join(dir, "tmp/a"), filepath.Join(dir, "tmp/b")
	require.NoError(t, os.Mkdir(a, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(a, "victim"), []byte("inside"), 0o600))
	require.NoError(t, os.Symlink(outside, b))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
			}
		}
	}()
	seen := 0
	for range 2000 {
		_ = In(t.Context(), root, "/tmp", archive(t, file("a/victim", "inside")), vzcontract.CopyInOptions{})
		if r, _, err := Out(t.Context(), root, "/tmp/a"); err == nil {
			all, _ := io.ReadAll(r) // also of a broken archive
			_ = r.Close()           // only read from
			require.NotContains(t, string(all), "untouched")
			seen += bytes.Count(all, []byte("inside"))
		}
	}
	close(stop)
	<-done
	require.NotZero(t, seen)
	require.Equal(t, "untouched", text(t, victim))
}

func TestOut(t *testing.T) {
	testreq.Root(t)
	root, dir, _ := container(t)
	d := filepath.Join(dir, "tmp/d")
	require.NoError(t, os.MkdirAll(filepath.Join(d, "sub"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(d, "one"), []byte("1"), 0o640))
	require.NoError(t, os.Link(filepath.Join(d, "one"), filepath.Join(d, "two")))
	require.NoError(t, os.Symlink("one", filepath.Join(d, "link")))
	require.NoError(t, unix.Mkfifo(filepath.Join(d, "pipe"), 0o600))
	require.NoError(t, unix.Mknod(filepath.Join(d, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	require.NoError(t, unix.Setxattr(filepath.Join(d, "one"), "user.x", []byte("\x00y"), 0))
	for _, name := range []string{"/tmp/d", "tmp/d/", "/../tmp/./d/."} {
		r, stat, err := Out(t.Context(), root, name)
		require.NoError(t, err)
		require.Equal(t, "d", stat.Name)
		require.True(t, fs.FileMode(stat.Mode).IsDir())
		var got []string
		for in := tar.NewReader(r); ; {
			h, err := in.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			b, err := io.ReadAll(in)
			require.NoError(t, err)
			got = append(got, h.Name+"|"+string(b)+"|"+h.Linkname)
			if h.Name == "d/one" {
				require.EqualValues(t, 0o640, h.Mode)
				require.Equal(t, "\x00y", h.PAXRecords["SCHILY.xattr.user.x"])
			}
		}
		require.NoError(t, r.Close())
		require.Equal(t, []string{"d/||", "d/link||one", "d/one|1|", "d/sub/||", "d/two||d/one"}, got)
	}
	// What comes out goes in.
	r, _, err := Out(t.Context(), root, "/tmp/d")
	require.NoError(t, err)
	require.NoError(t, In(t.Context(), root, "/usr", r, vzcontract.CopyInOptions{KeepOwner: true}))
	require.Equal(t, "1", text(t, filepath.Join(dir, "usr/d/two")))
	_, _, err = Out(t.Context(), root, "/none")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	r, _, err = Out(t.Context(), root, "/")
	require.NoError(t, err)
	require.NoError(t, r.Close(), "closed early")
}

func TestStat(t *testing.T) {
	root, dir, _ := container(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("12345"), 0o600))
	require.NoError(t, os.Symlink("f", filepath.Join(dir, "l")))
	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	got, err := Stat(root, "f")
	require.NoError(t, err)
	require.Equal(t, vzcontract.PathStat{Name: "f", Size: 5, Mode: 0o600, ModTime: got.ModTime}, got)
	got, err = Stat(root, "/l")
	require.NoError(t, err)
	require.Equal(t, "f", got.LinkTarget)
	require.NotZero(t, fs.FileMode(got.Mode)&fs.ModeSymlink)
	got, err = Stat(root, "/bin/")
	require.NoError(t, err)
	require.True(t, fs.FileMode(got.Mode).IsDir())
	for name, class := range map[string]error{"none": vzcontract.ErrNotFound, "f/x": vzcontract.ErrValidation, "loop/": vzcontract.ErrValidation} {
		_, err = Stat(root, name)
		require.ErrorIs(t, err, class, name)
	}
}

// TestMountedFile writes to a file that is a mount, as /etc/hosts is.
func TestMountedFile(t *testing.T) {
	testreq.Root(t)
	root, dir, victim := container(t)
	hosts := filepath.Join(dir, "hosts")
	require.NoError(t, os.WriteFile(hosts, nil, 0o600))
	require.NoError(t, unix.Mount(victim, hosts, "", unix.MS_BIND, ""))
	defer func() { require.NoError(t, unix.Unmount(hosts, 0)) }()
	require.NoError(t, In(t.Context(), root, "/", archive(t, file("hosts", "new")), vzcontract.CopyInOptions{}))
	require.Equal(t, "new", text(t, victim))
	names, err := filepath.Glob(filepath.Join(dir, ".vz-*"))
	require.NoError(t, err)
	require.Empty(t, names)
}

// FuzzIn: whatever the archive, nothing outside changes and nothing is left.
func FuzzIn(f *testing.F) {
	seeds := [][]entry{
		{file("a/b", "x"), link(tar.TypeSymlink, "l", "../.."), file("l/victim", "x"), link(tar.TypeLink, "h", "a/b")},
		{{Header: tar.Header{Name: "d/", Typeflag: tar.TypeDir}}, {Header: tar.Header{Name: "d", Typeflag: tar.TypeSymlink, Linkname: "/"}}},
	}
	for _, s := range seeds {
		b, err := io.ReadAll(archive(f, s...))
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		testreq.Root(t)
		root, dir, victim := container(t)
		_ = In(t.Context(), root, "/tmp", bytes.NewReader(in), vzcontract.CopyInOptions{KeepOwner: true})
		require.Equal(t, "untouched", text(t, victim))
		beside, err := os.ReadDir(filepath.Dir(victim))
		require.NoError(t, err)
		require.Len(t, beside, 2)
		require.NoError(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			require.NotContains(t, filepath.Base(path), ".vz-")
			return err
		}))
	})
}

// TestOutInterrupted ends a copy in the middle of a file: a container can make one of any
// size that takes no space.
func TestOutInterrupted(t *testing.T) {
	root, dir, _ := container(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "huge"), nil, 0o600))
	require.NoError(t, os.Truncate(filepath.Join(dir, "huge"), 1<<40))
	ctx, cancel := context.WithCancel(t.Context())
	stream, _, err := Out(ctx, root, "/huge")
	require.NoError(t, err)
	defer stream.Close()
	_, err = io.CopyN(io.Discard, stream, 4096)
	require.NoError(t, err)
	cancel()
	_, err = io.CopyN(io.Discard, stream, 1<<30) // a little may be on its way
	require.ErrorIs(t, err, context.Canceled)
}
