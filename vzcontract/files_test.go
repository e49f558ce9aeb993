package vzcontract_test

import (
	"errors"
	"strings"
	"testing"

	"vz.internal/vzcontract"
)

func TestCheckPaths(t *testing.T) {
	conflict, wrong := vzcontract.ErrConflict, vzcontract.ErrValidation
	for _, tt := range []struct {
		in          string
		path, entry error
	}{
		{in: "/a"},
		{in: "/a/"},
		{in: "/..", entry: wrong},
		{in: "/a\n\xff"},
		{in: "/a/..b"},
		{in: "/", entry: conflict},
		{in: "///", entry: conflict},
		{in: "/a/.", entry: wrong},
		{in: "/a/../", entry: wrong},
		{in: "", path: wrong, entry: wrong},
		{in: "a", path: wrong, entry: wrong},
		{in: "./a", path: wrong, entry: wrong},
		{in: "/a\x00b", path: wrong, entry: wrong},
		{in: "/" + strings.Repeat("x", 255)},
		{in: "/" + strings.Repeat("x", 256) + "/y", path: wrong, entry: wrong},
		{in: strings.Repeat("/x", 2047) + "/"},
		{in: strings.Repeat("/x", 2048), path: wrong, entry: wrong},
	} {
		path, entry := vzcontract.CheckFilePath(tt.in), vzcontract.CheckEntryPath(tt.in)
		if !errors.Is(path, tt.path) || !errors.Is(entry, tt.entry) {
			t.Errorf("%q: CheckFilePath = %v, want %v; CheckEntryPath = %v, want %v", tt.in, path, tt.path, entry, tt.entry)
		}
	}
}

func TestShownPath(t *testing.T) {
	for in, want := range map[string]string{"/a b/ä": "/a b/ä", "/a\nb": `"/a\nb"`, "/\xff": `"/\xff"`, `/a"`: `"/a\""`, "": `""`} {
		if got := vzcontract.ShownPath(in); got != want {
			t.Errorf("ShownPath(%q) = %s, want %s", in, got, want)
		}
	}
	if got := vzcontract.ShownPath("/begin" + strings.Repeat("x", 5000) + "end"); len(got) > 600 || !strings.HasPrefix(got, "/begin") || !strings.HasSuffix(got, "end") {
		t.Errorf("ShownPath of a long path = %s", got)
	}
}
