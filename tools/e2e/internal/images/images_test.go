//go:build linux

package images

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// names lists the members of a layer as "type name".
func names(t *testing.T, layer []byte) (list []string) {
	t.Helper()
	tr := tar.NewReader(bytes.NewReader(layer))
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(h.Typeflag)+" "+h.Name)
	}
}

func TestLayerOfFiles(t *testing.T) {
	root := t.TempDir()
	for _, step := range []error{
		os.Mkdir(filepath.Join(root, "d"), 0o755),
		os.WriteFile(filepath.Join(root, "d", "one"), []byte("1"), 0o644),
		os.Link(filepath.Join(root, "d", "one"), filepath.Join(root, "d", "two")),
		os.Symlink("one", filepath.Join(root, "d", "zlink")),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	files, err := walk(root)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := writeLayer(&b, files); err != nil {
		t.Fatal(err)
	}
	want := []string{"5 d/", "0 d/one", "1 d/two", "2 d/zlink"}
	if got := names(t, b.Bytes()); !slices.Equal(got, want) {
		t.Errorf("layer = %q, want %q", got, want)
	}
}

func TestCachedOnce(t *testing.T) {
	cache, made := t.TempDir(), 0
	fill := func(dir string) error {
		made++
		return os.WriteFile(filepath.Join(dir, "f"), nil, 0o644)
	}
	var dirs []string
	for _, input := range []string{"a", "a", "b", "b"} {
		dir, err := cached(cache, "n", []string{input}, fill)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	if made != 2 || dirs[0] != dirs[1] || dirs[1] == dirs[2] {
		t.Errorf("made %d of %q, want one for each input", made, dirs)
	}
	if _, err := os.Stat(dirs[0]); err == nil {
		t.Error("the outdated directory is still there")
	}
	if _, err := cached(cache, "n", []string{"c"}, func(string) error { return os.ErrClosed }); err == nil {
		t.Error("a failure is not reported")
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "n-*")); len(left) != 0 && strings.Contains(left[0], "unfinished") {
		t.Errorf("left %q", left)
	}
}

// Each part of a split tells of the directories that it adds to.
func TestSplit(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/b/1", "a/b/2", "a/b/3"} {
		if err := os.WriteFile(filepath.Join(root, name), make([]byte, 1<<20), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := walk(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, part := range split(files, 3) {
		for _, f := range part {
			got = append(got, f.name)
		}
		got = append(got, "|")
	}
	if want := "a a/b a/b/1 | a a/b a/b/2 | a a/b a/b/3 |"; strings.Join(got, " ") != want {
		t.Errorf("split = %q, want %q", strings.Join(got, " "), want)
	}
}
