//go:build linux

package rootless

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
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
	for _, tt := range []struct {
		ranges []Range
		want   [][3]uint32
	}{
		{[]Range{{100000, 100}, {200000, 5}}, [][3]uint32{{0, 1000, 1}, {1, 100000, 100}, {101, 200000, 5}}},
		{[]Range{{900, 200}, {200000, 5}}, [][3]uint32{{0, 1000, 1}, {1, 200000, 5}}}, // one has the user's own
		{[]Range{{1000, 1}}, [][3]uint32{{0, 1000, 1}}},
		{[]Range{{999, 1}, {1001, 1}}, [][3]uint32{{0, 1000, 1}, {1, 999, 1}, {2, 1001, 1}}}, // beside it
	} {
		if got := mapLines(1000, tt.ranges); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("mapLines(%v) = %v, want %v", tt.ranges, got, tt.want)
		}
	}
}

// TestMapFits: however many ranges there are, the kernel takes the map.
func TestMapFits(t *testing.T) {
	var many []Range
	for i := range uint32(1000) {
		many = append(many, Range{4_000_000_000 + 20*i, 10})
	}
	lines := mapLines(1000, many)
	text := strings.Join(fields(lines), " ")
	if len(lines) > 340 || len(text) >= 4096-1 || len(lines) < 100 {
		t.Errorf("%d lines and %d bytes, which user_namespaces(7) has at most 340 and 4095 of", len(lines), len(text))
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
