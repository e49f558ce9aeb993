package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vz.internal/tools/internal/workspace"
)

// programs has, for each module that others can import, a statement on one of its
// packages, and what that prints.
var programs = map[string]struct{ pkg, statement, want string }{
	"vzcontract":    {"vzcontract/fake", "fmt.Println(fake.New().BackendName())", "fake"},
	"vzcore":        {"vzcore/config", "fmt.Println(config.Default().CPUs > 0)", "true"},
	"vzlinux":       {"vzlinux/agentproto", "fmt.Println(agentproto.Port)", "7424"},
	"vzlinuxnative": {"vzlinuxnative", "_, err := vzlinuxnative.Open(vzlinuxnative.Options{}); fmt.Println(err != nil)", "true"},
	"vzoci":         {"vzoci/reference", "r, _ := reference.Parse(\"debian\"); fmt.Println(r)", "docker.io/library/debian:latest"},
	"vzstack":       {"vzstack/compose", "fmt.Println(compose.NormalName(\"My App\"))", "myapp"},
}

// A downstream is a module of other people. It gets the published modules from a
// proxy directory and all else from this machine's module cache or the proxy that
// go is told to use, into a module cache of its own.
type downstream struct {
	dir, cache, proxy string
	prefix, version   string
}

func newDownstream(t *testing.T, w *workspace.Workspace, cache string) *downstream {
	t.Helper()
	d := &downstream{dir: t.TempDir(), cache: cache, proxy: t.TempDir(), prefix: w.Prefix()}
	if err := writeProxy(w, d.proxy); err != nil {
		t.Fatal(err)
	}
	var err error
	if d.version, err = released(w); err != nil {
		t.Fatal(err)
	}
	mod := "module example.org/downstream\n\ngo 1.26.0\n"
	for _, m := range w.Published() {
		mod += "\nrequire " + m.Path() + " " + d.version + "\n"
	}
	d.write(t, "go.mod", mod)
	return d
}

func (d *downstream) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // a test's
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d *downstream) goCommand(t *testing.T, args ...string) error {
	t.Helper()
	goEnv := func(name string) string {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	proxies := slices.DeleteFunc(strings.Split(goEnv("GOPROXY"), ","), func(p string) bool { return p == "direct" })
	proxies = append([]string{"file://" + d.proxy, "file://" + filepath.Join(goEnv("GOMODCACHE"), "cache", "download")}, proxies...)
	cmd := exec.Command("go", args...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -trimpath", "GONOSUMDB=*", "GOMODCACHE="+d.cache,
		"GOBIN="+filepath.Join(d.dir, "bin"), "GOPROXY="+strings.Join(proxies, ","))
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(out)))
	}
	return nil
}

// runPrograms compiles a program on each module and runs it.
func (d *downstream) runPrograms(t *testing.T) {
	t.Helper()
	for name, p := range programs {
		d.write(t, name+"/main.go", fmt.Sprintf("// Command %s uses vz as a library.\npackage main\n\nimport (\n\t\"fmt\"\n\n\t%q\n)\n\nfunc main() { %s }\n",
			name, d.prefix+p.pkg, p.statement))
	}
	if err := d.goCommand(t, "build", "-o", "bin/", "./..."); err != nil {
		t.Fatal(err)
	}
	for name, p := range programs {
		out, err := exec.Command(filepath.Join(d.dir, "bin", name)).Output()
		if err != nil || string(out) != p.want+"\n" {
			t.Errorf("the program on %s printed %q, %v, want %q", name, out, err, p.want)
		}
	}
}

// TestDownstream gets the real modules from a written proxy, compiles and runs a
// program on each, and installs every command.
func TestDownstream(t *testing.T) {
	root, err := workspace.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	w := reload(t, root)
	cache := t.TempDir()
	t.Cleanup(func() {
		_ = exec.Command("chmod", "-R", "u+w", cache).Run() // the module cache is read-only; TempDir reports what stays
	})
	d := newDownstream(t, w, cache)
	d.runPrograms(t)
	for _, m := range w.Published() {
		if err := d.goCommand(t, "mod", "download", m.Path()+"@"+d.version); err != nil {
			t.Errorf("get %s: %v", m.Path(), err)
		}
	}
	commands, err := filepath.Glob(filepath.Join(root, "vz*", "cmd", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		rel, err := filepath.Rel(root, command)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.goCommand(t, "install", "-tags=netgo,osusergo,seccomp", d.prefix+filepath.ToSlash(rel)+"@"+d.version); err != nil {
			t.Errorf("go install %s: %v", rel, err)
		}
		if _, err := os.Stat(filepath.Join(d.dir, "bin", filepath.Base(command))); err != nil {
			t.Errorf("go install %s left no program: %v", rel, err)
		}
	}
	t.Run("without a monitor", func(t *testing.T) { runAlone(t, filepath.Join(d.dir, "bin")) })
	t.Run("after a rename", func(t *testing.T) { renamedDownstream(t, root, cache) })
}

// runAlone runs a container with a vz that has no vz-monitor beside it; vz-box is
// what its image is made of.
func runAlone(t *testing.T, bin string) {
	if os.Geteuid() != 0 {
		t.Skip("containers need root")
	}
	dir, err := os.MkdirTemp("", "vz") // short, for the sockets in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for _, program := range []string{"vz", "vz-box"} {
		if err := os.Link(filepath.Join(bin, program), filepath.Join(dir, program)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(dir, "vz"), "run", "--rm", "--network", "none", "vz:builtin", "echo", "alone")
	cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "VZ_HOME=" + filepath.Join(dir, "home"), "VZ_RUN=" + filepath.Join(dir, "run")}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "alone\n" {
		t.Errorf("vz without vz-monitor printed %q, %v", out, err)
	}
}

// renamedDownstream does the same with modules of another prefix, in a copy of the
// repository.
func renamedDownstream(t *testing.T, root, cache string) {
	dir := t.TempDir()
	copied := exec.Command("bash", "-euo", "pipefail", "-c", `git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$1" --; cd "$1"; git init -q; git add -A`, "copy", dir)
	copied.Dir = root
	if out, err := copied.CombinedOutput(); err != nil {
		t.Skipf("needs git: %v: %s", err, out)
	}
	if err := rename(reload(t, dir), "example.org/renamed"); err != nil {
		t.Fatal(err)
	}
	w := reload(t, dir)
	if w.Prefix() != "example.org/renamed/" {
		t.Fatalf("prefix = %q", w.Prefix())
	}
	d := newDownstream(t, w, cache)
	d.runPrograms(t)
	if err := d.goCommand(t, "install", d.prefix+"vzcli/cmd/vz-box@"+d.version); err != nil {
		t.Errorf("go install vz-box: %v", err)
	}
}
