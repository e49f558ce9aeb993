package unpack

import (
	"errors"
	"path"
	"strings"
	"testing"

	"vz.internal/vzcontract"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"": "", ".": "", "/": "", "..": "", "../..": "", "./a": "a", "a/": "a", "/a//b/./c": "a/b/c",
		"../../a": "a", "a/../../b": "b", "/../a": "a", "..a/b": "..a/b", "a/..b": "a/..b", "\xff/x": "\xff/x",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, s := range []string{"a/b", "a/.wh.b", ".wh..wh..opq", "a/.wh..wh.plnk/x", ".wh./x", "../.wh...", strings.Repeat("x", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c := clean(name)
		if c != strings.TrimPrefix(path.Clean("/"+name), "/") {
			t.Fatalf("clean(%q) = %q", name, c)
		}
		parent, base, k, err := classify(c, 4095)
		if err != nil {
			if !errors.Is(err, vzcontract.ErrValidation) {
				t.Errorf("classify(%q): %v", c, err)
			}
			return
		}
		if strings.Contains(base, "/") || base == "." || base == ".." || strings.HasPrefix(parent, "/") {
			t.Errorf("classify(%q) = %q, %q, %d", c, parent, base, k)
		}
	})
}
