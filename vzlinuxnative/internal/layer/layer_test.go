//go:build linux

package layer

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/mountnstest"
	"vz.internal/vzlinuxnative/internal/rootfs"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestMain(m *testing.M) { mountnstest.Main(m) }

// image is two layers.
func image(t testing.TB) []string {
	t.Helper()
	bottom, top := t.TempDir(), t.TempDir()
	for _, path := range []string{bottom, top} {
		require.NoError(t, os.Chmod(path, 0o755))
	}
	for name, text := range map[string]string{
		bottom + "/etc/passwd": "root", bottom + "/etc/group": "group", bottom + "/opt/tree/a/b": "b", bottom + "/opt/tree/c": "c",
		bottom + "/var/gone": "gone", bottom + "/usr/bin/x": "x", bottom + "/usr/file": "file", top + "/etc/hosts": "hosts",
		bottom + "/srv/hidden": "h", top + "/srv/seen": "s",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	require.NoError(t, os.MkdirAll(top+"/var", 0o755))
	require.NoError(t, unix.Mknod(top+"/var/gone", unix.S_IFCHR, 0))
	require.NoError(t, unix.Setxattr(top+"/srv", "trusted.overlay.opaque", []byte("y"), 0))
	require.NoError(t, os.Symlink("x", bottom+"/usr/bin/link"))
	return []string{top, bottom}
}

// script does what a container does.
const script = `set -e
cd "$1"
echo new > opt/new; mkdir -p opt/dir/sub; echo y > opt/dir/sub/f
echo more >> etc/passwd; rm etc/group
rm -r opt/tree/a; rm -r usr/bin; mkdir usr/bin; echo again > usr/bin/y
rm usr/file; mkdir usr/file; echo in > usr/file/in
touch -r etc/hosts /dev/null; cp -p etc/hosts etc/h.new; mv etc/h.new etc/hosts
chmod 700 srv
echo back > var/gone; ln opt/new opt/hard; mkfifo opt/pipe
ln -s /etc opt/link; : >> opt/tree/c
mkdir tmp; echo x > tmp/x; rm -r tmp`

var wantChanges = map[string]vzcontract.ChangeKind{
	"/opt": "C", "/opt/new": "A", "/opt/dir": "A", "/opt/dir/sub": "A", "/opt/dir/sub/f": "A", "/opt/hard": "A", "/opt/pipe": "A", "/opt/link": "A",
	"/opt/tree": "C", "/opt/tree/a": "D", "/etc": "C", "/etc/passwd": "C", "/etc/group": "D",
	"/usr": "C", "/usr/bin": "C", "/usr/bin/x": "D", "/usr/bin/link": "D", "/usr/bin/y": "A", "/usr/file": "C", "/usr/file/in": "A",
	"/srv": "C", "/var": "C", "/var/gone": "A",
}

// source runs the script on an overlay, or on a copy where whole is set.
func source(t *testing.T, whole bool) (s Source, root *os.File) {
	t.Helper()
	o := rootfs.Options{Layers: image(t), Dir: t.TempDir()}
	s = Source{Dir: filepath.Join(o.Dir, "upper"), Layers: o.Layers}
	if whole {
		outer := rootfs.Options{Layers: image(t), Dir: o.Dir}
		r, err := rootfs.Mount(outer)
		require.NoError(t, err)
		t.Cleanup(func() { _ = rootfs.Unmount(outer.Dir) }) // detached, whoever uses it
		o.Dir = filepath.Join(r.Path, "container")
		require.NoError(t, os.Mkdir(o.Dir, 0o755))
		s.Dir, s.Whole = filepath.Join(o.Dir, "merged"), true
	}
	r, err := rootfs.Mount(o)
	require.NoError(t, err)
	require.Equal(t, whole, r.Driver == rootfs.DriverCopy)
	out, err := exec.Command("sh", "-c", script, "sh", r.Path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, rootfs.Unmount(o.Dir))
	root, err = rootfs.Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return s, root
}

func both(t *testing.T, f func(t *testing.T, whole bool)) {
	testreq.Root(t)
	for _, whole := range []bool{false, true} {
		t.Run(fmt.Sprintf("whole=%v", whole), func(t *testing.T) { f(t, whole) })
	}
}

func TestDiff(t *testing.T) {
	both(t, func(t *testing.T, whole bool) {
		s, _ := source(t, whole)
		changes, err := Diff(t.Context(), s)
		require.NoError(t, err)
		got := map[string]vzcontract.ChangeKind{}
		paths := make([]string, 0, len(changes))
		for _, c := range changes {
			got[c.Path] = c.Kind
			paths = append(paths, c.Path)
		}
		require.Equal(t, wantChanges, got)
		require.True(t, slices.IsSorted(paths))
		require.Len(t, changes, len(got))
	})
}

func TestDiffOfNothing(t *testing.T) {
	testreq.Root(t)
	o := rootfs.Options{Layers: image(t), Dir: t.TempDir()}
	s := Source{Dir: filepath.Join(o.Dir, "upper"), Layers: o.Layers}
	for range 2 {
		changes, err := Diff(t.Context(), s)
		require.NoError(t, err)
		require.Empty(t, changes)
		_, err = rootfs.Mount(o)
		require.NoError(t, err)
		require.NoError(t, rootfs.Unmount(o.Dir))
	}
}

// TestDiffSeesBytes: a file rewritten with the same size and time is changed.
func TestDiffSeesBytes(t *testing.T) {
	testreq.Root(t)
	layers, upper := image(t), t.TempDir()
	require.NoError(t, os.Mkdir(upper+"/etc", 0o755))
	require.NoError(t, os.WriteFile(upper+"/etc/passwd", []byte("ROOT"), 0o644))
	st, err := os.Stat(layers[1] + "/etc/passwd")
	require.NoError(t, err)
	require.NoError(t, os.Chtimes(upper+"/etc/passwd", st.ModTime(), st.ModTime()))
	changes, err := Diff(t.Context(), Source{Dir: upper, Layers: layers})
	require.NoError(t, err)
	require.Equal(t, []vzcontract.Change{{Kind: "C", Path: "/etc"}, {Kind: "C", Path: "/etc/passwd"}}, changes)
}

// TestDiffSeesAttributes: a program given a capability, or a directory an
// attribute, is changed, and the layer has them.
func TestDiffSeesAttributes(t *testing.T) {
	testreq.Root(t)
	o := rootfs.Options{Layers: image(t), Dir: t.TempDir()}
	r, err := rootfs.Mount(o)
	require.NoError(t, err)
	// Version 2 of the format, cap_net_raw permitted.
	capability := "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	require.NoError(t, unix.Setxattr(r.Path+"/usr/bin/x", "security.capability", []byte(capability), 0))
	require.NoError(t, unix.Setxattr(r.Path+"/srv", "user.note", []byte("n"), 0))
	require.NoError(t, rootfs.Unmount(o.Dir))
	s := Source{Dir: filepath.Join(o.Dir, "upper"), Layers: o.Layers}
	changes, err := Diff(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, []vzcontract.Change{{Kind: "C", Path: "/srv"}, {Kind: "C", Path: "/usr"}, {Kind: "C", Path: "/usr/bin"}, {Kind: "C", Path: "/usr/bin/x"}}, changes)
	var buf bytes.Buffer
	require.NoError(t, Tar(t.Context(), s, &buf))
	records := map[string]string{}
	for in := tar.NewReader(&buf); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		maps.Copy(records, h.PAXRecords)
	}
	require.Equal(t, capability, records["SCHILY.xattr.security.capability"])
	require.Equal(t, "n", records["SCHILY.xattr.user.note"])
}

type packed struct {
	text, link string
	kind       byte
}

func unpacked(t *testing.T, r io.Reader) map[string]packed {
	t.Helper()
	all := map[string]packed{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		b, err := io.ReadAll(in)
		require.NoError(t, err)
		require.NotContains(t, all, h.Name)
		all[h.Name] = packed{string(b), h.Linkname, h.Typeflag}
		for key := range h.PAXRecords {
			require.NotContains(t, key, "overlay")
		}
	}
}

func TestTar(t *testing.T) {
	both(t, func(t *testing.T, whole bool) {
		s, _ := source(t, whole)
		var buf bytes.Buffer
		require.NoError(t, Tar(t.Context(), s, &buf))
		got := unpacked(t, &buf)
		var want []string
		for path, kind := range wantChanges {
			dir, name := filepath.Split(path[1:])
			entry := path[1:]
			if kind == "D" {
				entry = dir + ".wh." + name
			} else if got[entry+"/"].kind == tar.TypeDir {
				entry += "/"
			}
			want = append(want, entry)
		}
		slices.Sort(want)
		require.Equal(t, want, slices.Sorted(maps.Keys(got)))
		require.Equal(t, packed{"new\n", "", tar.TypeReg}, got["opt/hard"], "the first of two names")
		require.Equal(t, packed{"", "opt/hard", tar.TypeLink}, got["opt/new"])
		require.Equal(t, packed{"", "", tar.TypeFifo}, got["opt/pipe"])
		require.Equal(t, packed{"", "/etc", tar.TypeSymlink}, got["opt/link"])
	})
}

func TestTarRefusesReservedNames(t *testing.T) {
	testreq.Root(t)
	upper := t.TempDir()
	require.NoError(t, os.WriteFile(upper+"/.wh.etc", nil, 0o600))
	err := Tar(t.Context(), Source{Dir: upper, Layers: image(t)}, io.Discard)
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorContains(t, err, "/.wh.etc")
}

// TestUmoci has another program put the layer on the image, and compares the
// result with what the container has.
func TestUmoci(t *testing.T) {
	testreq.Root(t)
	umoci := testreq.Program(t, "umoci")[0]
	both(t, func(t *testing.T, whole bool) {
		s, root := source(t, whole)
		base, err := rootfs.OpenLayers(s.Layers)
		require.NoError(t, err)
		defer base.Close()
		dir := t.TempDir()
		run := func(args ...string) {
			t.Helper()
			cmd := exec.Command(umoci, args...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, string(out))
		}
		add := func(name string, write func(w io.Writer) error) {
			t.Helper()
			f, err := os.Create(filepath.Join(dir, name))
			require.NoError(t, err)
			require.NoError(t, write(f))
			require.NoError(t, f.Close())
			run("raw", "add-layer", "--image", "img:v1", name)
		}
		run("init", "--layout", "img")
		run("new", "--image", "img:v1")
		add("base.tar", func(w io.Writer) error { return Export(t.Context(), base, w) })
		add("layer.tar", func(w io.Writer) error { return Tar(t.Context(), s, w) })
		run("raw", "unpack", "--image", "img:v1", "out")
		require.Equal(t, listing(t, fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), root.Fd())), listing(t, filepath.Join(dir, "out")))
	})
}

// listing describes all files below dir.
func listing(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", `cd "$1" && find . -mindepth 1 -printf '%p %y %m %U %G %l %n' \( -type d -printf '\n' -o -printf ' %s %Ts\n' \) | sed 's/^\(.* d .*\) [0-9]*$/\1/' | sort; find . -type f | sort | xargs cat; true`, "sh", dir)
	out, err := cmd.Output()
	require.NoError(t, err)
	return string(out)
}

func TestExport(t *testing.T) {
	testreq.Root(t)
	o := rootfs.Options{Layers: image(t), Dir: t.TempDir()}
	r, err := rootfs.Mount(o)
	require.NoError(t, err)
	defer func() { require.NoError(t, rootfs.Unmount(o.Dir)) }()
	require.NoError(t, unix.Mount("tmpfs", filepath.Join(r.Path, "opt"), "tmpfs", 0, ""))
	defer func() { require.NoError(t, unix.Unmount(filepath.Join(r.Path, "opt"), 0)) }()
	require.NoError(t, os.WriteFile(filepath.Join(r.Path, "opt/other"), nil, 0o600))
	require.NoError(t, unix.Mknod(filepath.Join(r.Path, "null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
	root, err := os.Open(r.Path)
	require.NoError(t, err)
	defer root.Close()
	var buf bytes.Buffer
	require.NoError(t, Export(t.Context(), root, &buf))
	got := unpacked(t, &buf)
	names := strings.Join(slices.Sorted(maps.Keys(got)), " ")
	require.Equal(t, "etc/ etc/group etc/hosts etc/passwd null opt/ srv/ srv/seen usr/ usr/bin/ usr/bin/link usr/bin/x usr/file var/", names)
	require.Equal(t, "root", got["etc/passwd"].text)
	require.Equal(t, byte(tar.TypeChar), got["null"].kind)
}
