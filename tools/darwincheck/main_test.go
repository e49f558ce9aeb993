package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a module of its own and returns its directory.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	t.Setenv("GOWORK", "off")
	dir := t.TempDir()
	files["go.mod"] = "module example.org/m\n\ngo 1.26.0\n"
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRun(t *testing.T) {
	good := "package m\n\nvar darwin = 1\n"
	tests := []struct {
		name  string
		files map[string]string
		tags  string
		want  []string // in what it prints
		ok    bool
	}{
		{"all is well", map[string]string{"m_darwin.go": good}, "", []string{"darwin/arm64: 1 packages, 1 files for darwin alone, 0 mistakes", "darwin/amd64: 1 packages"}, true},
		{"a type is wrong", map[string]string{"m_darwin.go": "package m\n\nvar darwin int = \"1\"\n"}, "", []string{`m_darwin.go:3:18: cannot use "1"`}, false},
		{"in a function", map[string]string{"m_darwin.go": "package m\n\nfunc f() { undefined() }\n"}, "", []string{"m_darwin.go:3:12: undefined: undefined"}, false},
		{"in a test", map[string]string{"m_darwin.go": good, "m_darwin_test.go": "package m\n\nvar _ = darwim\n"}, "", []string{"m_darwin_test.go:3:9: undefined: darwim"}, false},
		{"in a test of another package", map[string]string{"m_darwin.go": good, "x_darwin_test.go": "package m_test\n\nimport \"example.org/m\"\n\nvar _ = m.None\n"}, "", []string{"x_darwin_test.go:5:11: undefined: m.None"}, false},
		{"it does not parse", map[string]string{"m_darwin.go": "package m\n\nfunc {\n"}, "", []string{"m_darwin.go:3:6: expected 'IDENT'"}, false},
		{"on one architecture", map[string]string{"m_darwin.go": good, "m_darwin_amd64.go": "package m\n\nvar _ = darwim\n"}, "", []string{"m_darwin_amd64.go:3:9: undefined", "darwin/arm64: 1 packages, 1 files for darwin alone, 0 mistakes"}, false},
		{"behind a tag", map[string]string{"m_darwin.go": good, "t_darwin.go": "//go:build vzmac\n\npackage m\n\nvar _ = darwim\n"}, "vzmac", []string{"t_darwin.go:5:9: undefined"}, false},
		{"with C", map[string]string{"m_darwin.go": "package m\n\n// #include <none.h>\nimport \"C\"\n\nvar n = C.none()\n\nvar s string = 1\n"}, "", []string{"m_darwin.go:8:16: cannot use 1"}, false},
		{"an import is missing", map[string]string{"m_darwin.go": "package m\n\nimport _ \"example.org/m/none\"\n"}, "", []string{"example.org/m/none"}, false},
		{"for other systems", map[string]string{"m_linux.go": "package m\n\nvar linux int = \"1\"\n", "m_darwin.go": good}, "", nil, true},
		{"nothing is for darwin", map[string]string{"m.go": good}, "", []string{"no file is for darwin alone"}, false},
		{"nothing at all", map[string]string{"m_linux.go": good}, "", []string{"no package of the workspace matches"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := module(t, tt.files)
			var out bytes.Buffer
			ok := run(&out, &out, dir, tt.tags, []string{"./..."})
			if ok != tt.ok {
				t.Errorf("run = %v, want %v:\n%s", ok, tt.ok, out.String())
			}
			for _, want := range tt.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not in\n%s", want, out.String())
				}
			}
		})
	}
}

func TestNoPackage(t *testing.T) {
	dir := module(t, map[string]string{"sub/m_darwin.go": "package m\n"})
	var out bytes.Buffer
	if run(&out, &out, dir, "", []string{"./none/..."}) {
		t.Errorf("it is content with no package:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "no package of the workspace matches") {
		t.Errorf("it says\n%s", out.String())
	}
}
