package unpack

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vz.internal/vzcontract"
)

// A hostile case is one or more layers, the lowest first, and what must become
// of the last.
type hostile struct {
	name   string
	layers [][]entry
	raw    func([]byte) []byte // changes the last layer's bytes
	limits Limits
	want   string // names in the merged tree
	fails  string // part of the error
	// differs says why umoci's tree is another one.
	differs string
}

func one(entries ...entry) [][]entry { return [][]entry{entries} }

var corpus = []hostile{
	{name: "dot-dot", layers: one(file("../../../outside/evil", "x")), want: "outside outside/evil"},
	{name: "dot-dot inside", layers: one(folder("a"), file("a/../b/../../c", "x")), want: "a c"},
	{name: "absolute name", layers: one(file("/outside/evil", "x")), want: "outside outside/evil"},
	{name: "symlinked parent out", layers: one(symlink("a", "../../outside"), file("a/evil", "x")), want: "a outside outside/evil"},
	{name: "symlinked parent, absolute", layers: one(symlink("a", "/outside"), file("a/evil", "x")), want: "a outside outside/evil"},
	{name: "symlinked parent of a lower layer", layers: [][]entry{{folder("real"), symlink("a", "real")}, {file("a/new", "x")}}, want: "a real real/new"},
	{name: "symlinked parent of a lower layer, out", layers: [][]entry{{symlink("a", "/../outside")}, {file("a/evil", "x")}}, want: "a outside outside/evil"},
	{name: "chain of symlinks", layers: one(symlink("a", "b"), symlink("b", "c/../d"), file("a/evil", "x")), want: "a b d d/evil"},
	{name: "symlink loop", layers: one(symlink("a", "b"), symlink("b", "a"), file("a/evil", "x")), fails: "too many symbolic links"},
	{name: "file through symlink", layers: one(symlink("a", "/outside/canary"), file("a", "x")), want: "a"},
	{name: "directory over symlink", layers: one(symlink("a", "/outside"), folder("a"), file("a/f", "x")), want: "a a/f"},
	{name: "parent is a file", layers: one(file("a", "x"), file("a/b", "y")), fails: "not a directory"},
	{name: "parent is a file of a lower layer", layers: [][]entry{{file("a", "x")}, {file("a/b", "y")}}, fails: "not a directory"},
	{name: "hard link out of root", layers: one(hardlink("a", "../../../outside/canary")), fails: "does not exist"},
	{name: "hard link out, absolute", layers: one(hardlink("a", "/etc/passwd")), fails: "does not exist"},
	{name: "hard link through symlink", layers: one(symlink("s", "/outside"), hardlink("a", "s/canary")), fails: "does not exist"},
	{name: "hard link through symlink inside", layers: one(file("d/f", "x"), symlink("s", "/d"), hardlink("a", "s/f")), want: "a d d/f s"},
	{name: "hard link to symlink", layers: one(symlink("s", "/outside/canary"), hardlink("a", "s")), want: "a s"},
	{name: "hard link to directory", layers: one(folder("d"), hardlink("a", "d")), fails: "directory"},
	{name: "hard link to itself", layers: one(file("a", "x"), hardlink("a", "a")), fails: "itself"},
	{name: "hard link to its parent", layers: one(file("a/b", "x"), hardlink("a", "a/b")), fails: "which it replaces"},
	{name: "hard link, then write", layers: one(file("a", "x"), hardlink("b", "a"), file("b", "y")), want: "a b"},
	{name: "hard link to a lower file", layers: [][]entry{{file("d/a", "x").with(func(h *tar.Header) { h.Mode, h.Uid, h.Gid = 0o4711, 7, 8 })}, {hardlink("b", "d/a")}}, want: "b d d/a"},
	{name: "hard link to a hidden file", layers: [][]entry{{file("d/a", "x")}, {file("d/.wh.a", ""), hardlink("b", "d/a")}}, fails: "does not exist"},
	{name: "whiteout", layers: [][]entry{{file("d/a", "x"), file("d/b", "y")}, {file("d/.wh.a", "")}}, want: "d d/b"},
	{name: "whiteout of nothing", layers: [][]entry{{file("d/a", "x")}, {file("d/.wh.c", ""), file("new/.wh.x", "")}}, want: "d d/a"},
	{name: "whiteout through symlink out", layers: [][]entry{{symlink("s", "/outside")}, {file("s/.wh.canary", "")}}, want: "s"},
	{name: "whiteout through symlink inside", layers: [][]entry{{file("d/a", "x"), symlink("s", "d")}, {file("s/.wh.a", "")}}, want: "d s"},
	{name: "whiteout of dot-dot", layers: [][]entry{{file("d/a", "x")}, {file("d/.wh...", "")}}, fails: "whiteout of no file"},
	{name: "whiteout of dot", layers: [][]entry{{file("d/a", "x")}, {file("d/.wh..", "")}}, fails: "whiteout of no file"},
	{name: "whiteout of no name", layers: [][]entry{{file("d/a", "x")}, {file("d/.wh.", "")}}, fails: "whiteout of no file"},
	{name: "whiteout before the file", layers: [][]entry{{file("a", "x")}, {file(".wh.a", ""), file("a", "y")}}, want: "a"},
	{name: "whiteout after the file", layers: [][]entry{{file("a", "x")}, {file("a", "y"), file(".wh.a", "")}}, want: "a"},
	{name: "whiteout before the directory", layers: [][]entry{{file("d/a", "x")}, {file(".wh.d", ""), folder("d"), file("d/b", "y")}}, want: "d d/b"},
	{name: "whiteout after the directory", layers: [][]entry{{file("d/a", "x")}, {folder("d"), file("d/b", "y"), file(".wh.d", "")}}, want: "d d/b"},
	{name: "whiteout before a missing parent", layers: [][]entry{{file("d/a", "x")}, {file(".wh.d", ""), file("d/b", "y")}}, want: "d d/b"},
	{name: "whiteout is a directory", layers: one(folder(".wh.d"), file(".wh.d/x", "")), fails: "name of a whiteout"},
	{name: "opaque first", layers: [][]entry{{file("d/a", "x"), file("d/e/f", "x")}, {file("d/.wh..wh..opq", ""), file("d/b", "y")}}, want: "d d/b"},
	{name: "opaque last", layers: [][]entry{{file("d/a", "x"), file("d/e/f", "x")}, {file("d/b", "y"), file("d/e/g", "y"), file("d/.wh..wh..opq", "")}}, want: "d d/b d/e d/e/g"},
	{name: "opaque with whiteouts", layers: [][]entry{{file("d/a", "x"), file("d/e/f", "x")}, {file("d/.wh.a", ""), file("d/e/.wh.f", ""), file("d/.wh..wh..opq", "")}}, want: "d"},
	{name: "opaque at the root", layers: [][]entry{{file("d/a", "x"), file("e", "x")}, {file("d/b", "y"), file(".wh..wh..opq", "")}}, want: "d d/b"},
	{name: "opaque through symlink", layers: [][]entry{{file("d/a", "x"), symlink("s", "/d")}, {file("s/.wh..wh..opq", "")}}, want: "d s"},
	{name: "opaque in three layers", layers: [][]entry{{file("d/a", "x")}, {file("d/b", "x"), file("d/.wh..wh..opq", "")}, {file("d/.wh.a", ""), file("d/c", "z")}}, want: "d d/b d/c"},
	{name: "aufs bookkeeping", layers: one(folder(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", "x"), file(".wh..wh.aufs", ""), file("a", "x")), want: "a", differs: "umoci keeps AUFS's directory"},
	{name: "file, directory, file", layers: [][]entry{{file("a/b", "x")}, {file("a", "y"), folder("a"), file("a/c", "z")}}, want: "a a/c"},
	{name: "directory replaced by file", layers: one(file("a/b/c", "x"), file("a", "y")), want: "a"},
	{name: "lower directory replaced by file", layers: [][]entry{{file("a/b", "x")}, {file("a", "y")}}, want: "a"},
	{name: "lower file replaced by directory", layers: [][]entry{{file("a", "x")}, {folder("a/")}}, want: "a"},
	{name: "lower symlink replaced by directory", layers: [][]entry{{symlink("a", "/outside"), file("outside/x", "x")}, {folder("a"), file("a/b", "x")}}, want: "a a/b outside outside/x"},
	{name: "duplicate names", layers: one(file("a", "one"), file("./a", "two"), folder("d"), folder("d/").with(func(h *tar.Header) { h.Mode = 0o700 })), want: "a d"},
	{name: "case-clashing names", layers: one(file("README", "1"), file("readme", "2"), file("Readme/x", "3")), want: "README Readme Readme/x readme"},
	{name: "not UTF-8", layers: one(file("a\xff\xfe", "x").with(func(h *tar.Header) { h.Format = tar.FormatGNU })), want: `a\xff\xfe`},
	{name: "newline in a name", layers: one(file("a\nb", "x")), want: `a\nb`},
	{name: "root is a file", layers: one(file("..", "x")), fails: "root can only be a directory"},
	{name: "root is a symlink", layers: one(symlink("./", "/outside")), fails: "root can only be a directory"},
	{name: "empty symlink", layers: one(symlink("a", "x").with(func(h *tar.Header) { h.Linkname = "" })), fails: "symbolic link to a name of 0 bytes"},
	{name: "long component", layers: one(file(strings.Repeat("n", 256), "x")), fails: "part of the name has 256 bytes"},
	{name: "long name", layers: one(file(strings.Repeat("d/", 2500)+"f", "x")), fails: "name has 5001 bytes"},
	{name: "deep through symlink", layers: one(symlink("s", strings.Repeat("d/", 1800)), file("s/"+strings.Repeat("d/", 1800)+"f", "x")), fails: "nested too deep"},
	{name: "device", layers: one(device("dev/null", tar.TypeChar, 1, 3), device("dev/sda", tar.TypeBlock, 8, 0)), want: "dev dev/null dev/sda"},
	{name: "device 0:0", layers: one(device("a", tar.TypeChar, 0, 0)), fails: "would be a whiteout"},
	{name: "device out of range", layers: one(device("a", tar.TypeChar, 1<<20, 0)), fails: "no device"},
	{name: "owner out of range", layers: one(file("a", "x").with(func(h *tar.Header) { h.Uid = 1 << 32 })), fails: "no owner"},
	{name: "overlay attributes", layers: one(folder("a").with(withXattr("trusted.overlay.redirect", "/outside"))), want: "a", differs: "umoci keeps attributes that steer overlayfs"},
	{name: "unknown type", layers: one(file("a", "").with(func(h *tar.Header) { h.Typeflag = 'Z' })), fails: "unknown type"},
	{name: "huge PAX header", layers: one(), raw: func([]byte) []byte { return longHeader(tar.TypeXHeader) }, fails: "header is too long"},
	{name: "huge GNU name", layers: one(), raw: func([]byte) []byte { return longHeader(tar.TypeGNULongName) }, fails: "header is too long"},
	{name: "huge attribute", layers: one(file("a", "x").with(withXattr("user.big", strings.Repeat("v", 70<<10)))), fails: "attribute \"user.big\""},
	{name: "many entries", layers: one(file("a", ""), file("b", ""), file("c", "")), limits: Limits{Entries: 2}, fails: "more than 2 entries"},
	{name: "much contents", layers: one(file("a", "123456"), file("b", "123456")), limits: Limits{Bytes: 10}, fails: "more than 10 bytes"},
	{name: "size lie", layers: one(file("a", strings.Repeat("x", 2000))), raw: func(b []byte) []byte { return b[:len(b)-2048] }, fails: "cut off"},
	{name: "cut off in a header", layers: one(file("a", "x")), raw: func(b []byte) []byte { return b[:1100] }, fails: "cut off"},
	{name: "cut off after an extended header", layers: one(file("a", "x")), raw: func(b []byte) []byte { return b[:1024] }, want: ""},
	{name: "no end", layers: one(file("a", "x")), raw: func(b []byte) []byte { return b[:len(b)-1024] }, want: "a"},
	{name: "trailing data", layers: one(file("a", "x")), raw: func(b []byte) []byte { return append(b, "trailing"...) }, want: "a"},
	{name: "second archive behind", layers: one(file("a", "x")), raw: func(b []byte) []byte { return append(b, b...) }, want: "a"},
	{name: "garbage", layers: one(), raw: func([]byte) []byte { return bytes.Repeat([]byte("garbage!"), 128) }, fails: "header"},
	{name: "empty", layers: one(), raw: func([]byte) []byte { return nil }, want: ""},
	{name: "wrong checksum", layers: one(file("a", "x")), raw: func(b []byte) []byte {
		b[bytes.IndexByte(b, 'a')] = 'b'
		return b
	}, fails: "header"},
}

// longHeader is an archive that begins with 2 MiB for the next header.
func longHeader(kind byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	const size = 2 << 20
	if err := w.WriteHeader(&tar.Header{Name: "x", Typeflag: tar.TypeReg, Size: size, Format: tar.FormatGNU}); err != nil {
		panic(err) // the header is a constant
	}
	head := b.Bytes()
	head[156] = kind
	copy(head[148:156], "        ")
	sum := 0
	for _, c := range head {
		sum += int(c)
	}
	copy(head[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return append(head, make([]byte, size+1024)...)
}

func TestCorpus(t *testing.T) {
	_, noUmoci := exec.LookPath("umoci")
	rows := []string{""}
	for _, tt := range corpus {
		t.Run(tt.name, func(t *testing.T) {
			row := tt.run(t, noUmoci == nil)
			rows = append(rows, fmt.Sprintf("%-40s %s", tt.name, row))
		})
	}
	t.Log(strings.Join(rows, "\n"))
	if noUmoci != nil {
		t.Log("not compared with umoci: it is not installed")
	}
}

func (tt hostile) run(t *testing.T, compare bool) (row string) {
	base := t.TempDir()
	outside := filepath.Join(base, "outside")
	if err := os.Mkdir(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "canary"), []byte("alive"), 0o644); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, outside)
	var archives [][]byte
	var lowers []string
	var err error
	for i, entries := range tt.layers {
		data := archive(t, entries...)
		opts := Options{Lowers: lowers}
		if i == len(tt.layers)-1 {
			opts.Limits = tt.limits
			if tt.raw != nil {
				data = tt.raw(data)
			}
		}
		dir := filepath.Join(base, fmt.Sprint("layer", i))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		_, err = Apply(t.Context(), dir, bytes.NewReader(data), opts)
		if err != nil && i < len(tt.layers)-1 {
			t.Fatal(err)
		}
		archives = append(archives, data)
		lowers = append([]string{dir}, lowers...)
	}
	if after := snapshot(t, outside); !slices.Equal(before, after) {
		t.Errorf("outside changed: %s", cmp.Diff(before, after))
	}
	if tt.fails != "" {
		if err == nil || !errors.Is(err, vzcontract.ErrValidation) || !strings.Contains(err.Error(), tt.fails) || strings.Contains(err.Error(), "\n") {
			t.Fatalf("error = %v, want a validation error with %q", err, tt.fails)
		}
		if left := names(snapshot(t, lowers[0])); left != "" {
			t.Errorf("left behind: %s", left)
		}
		return "error: " + err.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	tree := snapshot(t, stack(t, lowers))
	if got := names(tree); got != tt.want {
		t.Errorf("tree = %s, want %s", got, tt.want)
	}
	row = "tree: " + tt.want
	if !compare {
		return row
	}
	start := time.Now()
	theirs, failure := umoci(t, archives)
	theirs, tree = withoutNow(theirs, tree, start)
	switch {
	case failure != "":
		return row + " (umoci fails: " + failure + ")"
	case tt.differs != "":
		return row + " (" + tt.differs + ")"
	}
	if diff := cmp.Diff(theirs, tree); diff != "" {
		t.Errorf("not as umoci does (-umoci +vz):\n%s", diff)
	}
	return row + " (as umoci)"
}
