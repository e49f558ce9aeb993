package planted

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"vz.internal/tools/internal/workspace"
)

const tags = "netgo,osusergo,seccomp"

// A mistake is a change of one file that a check must find.
type mistake struct {
	name   string
	file   string
	change func(text string) string // nil removes the file
	want   string                   // in what the check prints
}

// rounds are the checks, each with the mistakes that it finds at once.
var rounds = []struct {
	check    string
	mistakes []mistake
}{
	{"gazelle", []mistake{
		{"a dependency is gone from a BUILD file", "vzcontract/conformance/BUILD.bazel", without(`        "//vzcontract",`), "run `make generate`"},
		{"a repository is gone from use_repo", "MODULE.bazel", without(`    "org_golang_x_sys",`), "missing org_golang_x_sys: run `make generate`"},
	}},
	{"buildifier", []mistake{
		{"a BUILD file is badly formatted", "vzoci/BUILD.bazel", adding("\nfilegroup(name=\"planted\")\n"), "not formatted, or with warnings: run `make generate`"},
	}},
	{"gofumpt", []mistake{
		{"a Go file is badly formatted", "vzoci/doc.go", adding("\nvar  planted int\n"), "not formatted (make fmt):\n    vzoci/doc.go"},
	}},
	{"shellcheck", []mistake{
		{"a script has a mistake", "tools/sh/fuzz.sh", adding("\necho $planted\n"), "SC2154"},
	}},
	{"api", []mistake{
		{"the API has changed", "vzcontract/api.txt", swap(`"pause"`, `"paused"`), "vzcontract/api.txt is not the API of the code"},
	}},
	{"help", []mistake{
		{"a help text is stale", "docs/commands.md", swap("Remove containers", "Delete containers"), "commands.md is not what --help says: run `make generate`"},
	}},
	{"vet-darwin", []mistake{
		{"a darwin file has what vet finds", "vzcore/clone_darwin.go", adding("\nfunc planted(n int) { n = n }\n"), "self-assignment of n"},
	}},
	{"darwincheck", []mistake{
		{"a darwin file has a wrong type", "vzcore/vzf/guest_darwin_arm64.go", swap("g.vm.Pause()", "g.vm.Paus()"), "g.vm.Paus undefined"},
		{"the library's numbers are others", "vzcore/vzf/errors.go", swap("	codeLimit\n", "	codeNone\n	codeLimit\n"), "vzcore/vzf/errors_darwin_arm64.go:"},
		{"a test for a Mac does not compile", "vzcore/vzf/mac_darwin_arm64_test.go", swap("reach(t, vm)", "reach(t)"), "not enough arguments in call to reach"},
	}},
	{"repocheck", []mistake{
		{"a package comment is gone", "vzcontract/conformance/doc.go", only("package conformance\n"), "the package in vzcontract/conformance has no package comment: write"},
		{"a license is gone", "vzoci/LICENSE", nil, "vzoci lacks LICENSE: people get modules one by one, so each needs its own; add it"},
		{"a module imports one that it may not", "vzstack/planted.go", only("package vzstack\n\nimport _ \"vz.internal/vzoci\"\n"), "vzstack/planted.go imports vz.internal/vzoci: vzstack may import only"},
		{"a module imports what another one owns", "vzstack/owned.go", only("package vzstack\n\nimport _ \"github.com/vishvananda/netlink\"\n"), "only vzlinuxnative may; use"},
		{"a banned dependency", "vzstack/banned.go", only("package vzstack\n\nimport _ \"github.com/pkg/errors\"\n"), "imports github.com/pkg/errors, which is banned: the standard library wraps errors"},
		{"a replace in go.mod", "vzcore/go.mod", adding("\nreplace example.org/x v1.0.0 => example.org/y v1.0.0\n"), "vzcore/go.mod has a replace, which nobody who requires the module would get: remove it"},
		{"a link leads nowhere", "README.md", adding("\n[gone](docs/no-such-page.md)\n"), "README.md links to docs/no-such-page.md, which does not exist: correct the link"},
		{"an exported name says nothing", "vzcontract/planted.go", only("package vzcontract\n\nfunc Planted() {}\n"), "vzcontract/planted.go: Planted has no comment: say above it what it promises"},
	}},
}

func without(line string) func(string) string {
	return func(text string) string { return strings.Replace(text, line+"\n", "", 1) }
}

func swap(old, by string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, by, 1) }
}

func only(text string) func(string) string { return func(string) string { return text } }

func adding(more string) func(string) string {
	return func(text string) string { return text + more }
}

// TestEachMistakeIsFound makes the mistakes of each round and runs its check.
func TestEachMistakeIsFound(t *testing.T) {
	root, err := workspace.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	tools := filepath.Join(root, ".cache", "tools")
	if _, err := os.Stat(filepath.Join(tools, "gazelle")); err != nil {
		t.Skip("gazelle is not built: make tools")
	}
	dir := copyTree(t, root)
	for _, round := range rounds {
		t.Run(round.check, func(t *testing.T) {
			if _, err := exec.LookPath("shellcheck"); err != nil && round.check == "shellcheck" {
				t.Skip("shellcheck is not installed: tools/sh/packages.sh test")
			}
			for _, m := range round.mistakes {
				plant(t, dir, m)
			}
			out, ok := check(t, dir, tools, round.check)
			if ok {
				t.Fatalf("the check passes:\n%s", out)
			}
			for _, m := range round.mistakes {
				if !strings.Contains(out, m.want) {
					t.Errorf("%s: %q is not in\n%s", m.name, m.want, out)
				}
			}
		})
	}
}

// plant makes the mistake; one that changes nothing would show nothing.
func plant(t *testing.T, dir string, m mistake) {
	t.Helper()
	file := filepath.Join(dir, m.file)
	if m.change == nil {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	text := m.change(string(data))
	if text == string(data) {
		t.Fatalf("%s: %s is as before", m.name, m.file)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var module = regexp.MustCompile(`(?m)^\t\./(.*)$`)

// check runs one check of `make check` on the repository in dir.
func check(t *testing.T, dir, tools, name string) (out string, ok bool) {
	t.Helper()
	work, err := os.ReadFile(filepath.Join(dir, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{tags, tools}
	for _, m := range module.FindAllStringSubmatch(string(work), -1) {
		args = append(args, m[1])
	}
	cmd := exec.Command(filepath.Join(dir, "tools", "sh", "check.sh"), args...)
	cmd.Env = append(os.Environ(), "ONLY="+name)
	data, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(data), err == nil
}

// copyTree copies what git would commit, as a repository of its own.
func copyTree(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	script := `git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d "" f; do [[ ! -e $f ]] || printf '%s\0' "$f"; done |
		tar --null -T - -cf - | tar -xf - -C "$1" && cd "$1" && git init -q && git add -A`
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script, "copy", dir)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("needs git and tar: %v: %s", err, out)
	}
	return dir
}
