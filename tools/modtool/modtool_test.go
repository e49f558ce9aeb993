package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vz.internal/tools/internal/workspace"
)

// small makes a workspace of two modules in a git repository.
func small(t *testing.T) *workspace.Workspace {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.work":      "go 1.26.0\n\nuse (\n\t./b\n\t./a\n)\n\nreplace (\n\tx.internal/a v0.1.0 => ./a\n\tx.internal/b v0.1.0 => ./b\n)\n",
		"a/go.mod":     "module x.internal/a\n\ngo 1.26.0\n",
		"a/a.go":       "// Package a has a greeting.\npackage a\n\n// Hello greets.\nfunc Hello() string { return \"hello\" }\n",
		"b/go.mod":     "module x.internal/b\n\ngo 1.26.0\n\nrequire x.internal/a v0.1.0\n",
		"b/b.go":       "// Command b greets.\npackage main\n\nimport (\n\t\"fmt\"\n\n\t\"x.internal/a\"\n)\n\nfunc main() { fmt.Println(a.Hello()) }\n",
		"CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n- Greets.\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a test's
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // a test's
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"config", "user.email", "t@example.org"}, {"config", "user.name", "t"}, {"add", "-A"}, {"commit", "-qm", "first"},
	} {
		if _, err := git(root, args...); err != nil {
			t.Skipf("needs git: %v", err)
		}
	}
	return reload(t, root)
}

func reload(t *testing.T, root string) *workspace.Workspace {
	t.Helper()
	w, err := workspace.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func text(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOrderAndPrefix(t *testing.T) {
	w := small(t)
	if len(w.Modules) != 2 || w.Modules[0].Name != "a" || w.Prefix() != "x.internal/" {
		t.Errorf("modules %v, prefix %q, want a first and x.internal/", w.Modules, w.Prefix())
	}
}

func TestCheckFindsWhatIsNotTidy(t *testing.T) {
	w := small(t)
	if err := check(w); err != nil {
		t.Fatalf("check of a tidy workspace = %v", err)
	}
	if err := os.WriteFile(w.Modules[1].File(), []byte("module x.internal/b\n\ngo 1.26.0\n\nrequire (\n\tx.internal/a v0.1.0\n\tx.internal/unused v0.1.0\n)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(reload(t, w.Root)); err == nil {
		t.Error("check passes with a requirement that nobody needs")
	}
	if _, err := git(w.Root, "checkout", "-q", "."); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.Root, "a", "a.go"), []byte("package a\n\nbroken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(reload(t, w.Root)); err == nil {
		t.Error("check passes with a module that does not build")
	}
}

func TestAPI(t *testing.T) {
	w := small(t)
	if err := checkAPI(w); err == nil || !strings.Contains(err.Error(), "a/api.txt is not the API of the code") {
		t.Errorf("check without a golden file = %v", err)
	}
	if err := writeAPI(w); err != nil {
		t.Fatal(err)
	}
	if err := checkAPI(w); err != nil {
		t.Errorf("check of what was written = %v", err)
	}
	if got := text(t, w.Root, "a", "api.txt"); !strings.Contains(got, "package x.internal/a\n\nfunc Hello() string\n") {
		t.Errorf("api.txt = %q", got)
	}
	for _, tt := range []struct {
		name, code string
		same       bool
	}{
		{"comments, layout, order, what is hidden", "// Package a has.\npackage a\n\n// Other.\nfunc Hello() string {\n\treturn hidden\n}\n\nvar hidden = \"\"\n\ntype inner struct{}\n\nfunc (inner) Method() {}\n", true},
		{"a result", "package a\n\nfunc Hello() []byte { return nil }\n", false},
		{"one more", "package a\n\nfunc Hello() string { return \"\" }\n\ntype More struct{ X int }\n", false},
		{"one less", "package a\n\nfunc hello() string { return \"\" }\n", false},
	} {
		if err := os.WriteFile(filepath.Join(w.Root, "a", "a.go"), []byte(tt.code), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := checkAPI(w); (err == nil) != tt.same {
			t.Errorf("%s: check = %v", tt.name, err)
		}
	}
}

func TestSameVersions(t *testing.T) {
	w := small(t)
	for i, version := range []string{"v1.0.0", "v1.1.0"} {
		if err := w.Modules[i].Mod.AddRequire("example.org/dep", version); err != nil {
			t.Fatal(err)
		}
	}
	if err := sameVersions(w); err == nil || !strings.Contains(err.Error(), "example.org/dep") {
		t.Errorf("two versions of one dependency give %v", err)
	}
}

func TestRename(t *testing.T) {
	w := small(t)
	if err := rename(w, "not a path"); err == nil {
		t.Error("rename to what is no module path succeeded")
	}
	if err := rename(w, "example.org/vz"); err != nil {
		t.Fatal(err)
	}
	again := reload(t, w.Root)
	if again.Prefix() != "example.org/vz/" || strings.Contains(text(t, w.Root, "b", "b.go"), "x.internal") {
		t.Errorf("after rename: prefix %q, b.go %s", again.Prefix(), text(t, w.Root, "b", "b.go"))
	}
	if err := check(again); err != nil {
		t.Errorf("the renamed workspace does not build: %v", err)
	}
}

func TestRelease(t *testing.T) {
	w := small(t)
	for _, bad := range []string{"1.0.0", "v1", "v2.0.0", "v0.0.1"} {
		if err := release(w, bad); err == nil {
			t.Errorf("release of %q succeeded", bad)
		}
	}
	if err := release(w, "v0.2.0"); err != nil {
		t.Fatal(err)
	}
	tags, err := git(w.Root, "tag", "--points-at", "HEAD")
	if err != nil || tags != "a/v0.2.0\nb/v0.2.0\n" {
		t.Errorf("tags on the release = %q, %v", tags, err)
	}
	status, err := git(w.Root, "status", "--porcelain")
	if err != nil || status != "" {
		t.Errorf("the work tree after a release has %q, %v", status, err)
	}
	want := "## [Unreleased]\n\n## [0.2.0] - " + time.Now().Format(time.DateOnly) + "\n"
	if got := text(t, w.Root, "CHANGELOG.md"); !strings.Contains(got, want) {
		t.Errorf("changelog = %q", got)
	}
	if err := check(reload(t, w.Root)); err != nil {
		t.Errorf("the release does not build: %v", err)
	}
	if err := release(reload(t, w.Root), "v0.2.0"); err == nil {
		t.Error("the same release again succeeded")
	}
}
