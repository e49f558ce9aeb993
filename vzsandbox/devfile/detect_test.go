package devfile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		name         string
		files        map[string]string
		image, found string
	}{
		{"nothing", nil, "ubuntu:24.04", ""},
		{"go", map[string]string{"go.mod": "module x\n\ngo 1.26.0\n"}, "golang:1.26", "Go (go.mod)"},
		{"go of no version", map[string]string{"go.mod": "module x\n"}, "golang:1", "Go (go.mod)"},
		{"rust", map[string]string{"Cargo.toml": ""}, "rust:1", "Rust (Cargo.toml)"},
		{"rust with a toolchain", map[string]string{"Cargo.toml": "", "rust-toolchain.toml": "[toolchain]\nchannel = \"1.90.0\"\n"}, "rust:1.90.0", "Rust (Cargo.toml)"},
		{"rust with an old toolchain file", map[string]string{"Cargo.toml": "", "rust-toolchain": "1.80\n"}, "rust:1.80", "Rust (Cargo.toml)"},
		{"rust nightly", map[string]string{"Cargo.toml": "", "rust-toolchain": "nightly\n"}, "rust:1", "Rust (Cargo.toml)"},
		{"node", map[string]string{"package.json": "{}"}, "node:lts", "Node.js (package.json)"},
		{"node with nvm", map[string]string{"package.json": "{}", ".nvmrc": "v22.4.0\n"}, "node:22", "Node.js (package.json)"},
		{"node with nvm and a name", map[string]string{"package.json": "{}", ".nvmrc": "lts/*\n"}, "node:lts", "Node.js (package.json)"},
		{"python", map[string]string{"pyproject.toml": ""}, "python:3", "Python (pyproject.toml)"},
		{"python with requirements", map[string]string{"requirements.txt": "", ".python-version": "3.12.4\n"}, "python:3.12", "Python (requirements.txt)"},
		{"python with setup.py", map[string]string{"setup.py": ""}, "python:3", "Python (setup.py)"},
		{"two languages", map[string]string{"package.json": "{}", "go.mod": ""}, "golang:1", "Go (go.mod)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			f, found := Detect(dir)
			if f.Image != tt.image || found != tt.found {
				t.Errorf("Detect = %s, %q, want %s, %q", f.Image, found, tt.image, tt.found)
			}
			text, err := f.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Parse(Name, text); err != nil || again.Image != tt.image {
				t.Errorf("%s is read as %+v, %v", text, again, err)
			}
		})
	}
}

func TestDetectIgnoresDirectories(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "go.mod"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, found := Detect(dir); found != "" {
		t.Errorf("a directory go.mod makes it %s", found)
	}
}
