//go:build linux

package rootless

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestParseRange(t *testing.T) {
	for _, tt := range []struct {
		line string
		want Range
		ok   bool
	}{
		{"ann:100000:65536", Range{100000, 65536}, true},
		{"1000:100000:65536", Range{100000, 65536}, true},
		{" ann:1:1\n", Range{1, 1}, true},
		{"bob:100000:65536", Range{}, false},
		{"ann:0:10", Range{}, false},         // root
		{"ann:900:200", Range{}, false},      // the user's own id
		{"ann:1000:1", Range{}, false},       // the same
		{"ann:1001:1", Range{1001, 1}, true}, // beside it
		{"ann:4294967290:6", Range{}, false}, // beyond what ids there are
		{"ann:4294967290:5", Range{4294967290, 5}, true},
		{"ann:-1:5", Range{}, false},
		{"ann:100000:0", Range{}, false},
		{"ann:100000", Range{}, false},
		{"ann:100000:65536:x", Range{}, false},
		{"# ann:100000:65536", Range{}, false},
		{"", Range{}, false},
	} {
		if got, ok := parseRange(tt.line, "ann", 1000); got != tt.want || ok != tt.ok {
			t.Errorf("parseRange(%q) = %v, %v, want %v, %v", tt.line, got, ok, tt.want, tt.ok)
		}
	}
}

func TestReadRanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "subuid")
	const text = "bob:1:1\nann:300000:10\n1000:100000:100\nann:100050:100\nann:200000:5\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readRanges(file, "ann", 1000)
	if want := []Range{{100000, 100}, {200000, 5}, {300000, 10}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("readRanges = %v, %v, want %v, without what overlaps", got, err, want)
	}
	if got, err := readRanges(file+".not", "ann", 1000); err != nil || got != nil {
		t.Errorf("readRanges of nothing = %v, %v", got, err)
	}
}

func TestMapLines(t *testing.T) {
	got := mapLines(1000, []Range{{100000, 100}, {200000, 5}})
	want := [][3]uint32{{0, 1000, 1}, {1, 100000, 100}, {101, 200000, 5}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("mapLines = %v, want %v", got, want)
	}
}

func TestMakeDir(t *testing.T) {
	for name, tt := range map[string]struct {
		mode os.FileMode
		uid  int
		ok   bool
	}{
		"own":       {0o700, os.Getuid(), true},
		"for all":   {0o755, os.Getuid(), false},
		"for group": {0o710, os.Getuid(), false},
		"another's": {0o700, os.Getuid() + 1, false},
	} {
		dir := filepath.Join(t.TempDir(), "session")
		if err := os.Mkdir(dir, tt.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, tt.mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		f, err := makeDir(dir, tt.uid)
		if (err == nil) != tt.ok {
			t.Errorf("%s: makeDir = %v, want success %v", name, err, tt.ok)
		}
		if err == nil {
			f.Close()
		}
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := makeDir(filepath.Join(open, "session"), os.Getuid()); err == nil {
		t.Error("makeDir takes a place that others can change")
	}
	elsewhere := t.TempDir()
	link := filepath.Join(t.TempDir(), "session")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	if _, err := makeDir(link, os.Getuid()); err == nil {
		t.Error("makeDir follows a link")
	}
}
