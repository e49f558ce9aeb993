//go:build linux

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/vztest"
	"vz.internal/tools/internal/workspace"
)

// The Debian package is installed on a Debian, runs the demo, and is removed
// without a trace. It is packed from the programs that are tested.
func TestDebianPackage(t *testing.T) {
	need.Root(t)
	vz := need.VZ(t)
	need.Programs(t, "unshare", "pivot_root", "findmnt", "ip", "tar", "go")
	root, err := workspace.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	deb := debianPackage(t, root, filepath.Dir(vz))

	h := vztest.New(t)
	h.Must("create", "-q", "--name", "system", "--pull", "always", debian(t, "gzip"))
	system := filepath.Join(t.TempDir(), "system")
	run(t, "", "mkdir", system)
	export := h.Command("export", "-o", filepath.Join(h.Dir, "system.tar"), "system")
	if r := vztest.Finish(export); r.Code != 0 {
		t.Fatal(r)
	}
	run(t, "", "tar", "-xpf", filepath.Join(h.Dir, "system.tar"), "-C", system)
	run(t, "", "cp", deb, filepath.Join(root, "tools", "e2e", "testdata", "package.sh"), filepath.Join(system, "root"))

	out := run(t, "", filepath.Join(root, "tools", "sh", "inroot.sh"), "none", system, "bash", "/root/package.sh", "/root/"+filepath.Base(deb))
	t.Log(out)
	for _, want := range []string{"version: 0.1.0 install ok installed", "served from a container", "nothing is left"} {
		if !strings.Contains(out, want) {
			t.Errorf("the package's life does not say %q:\n%s", want, out)
		}
	}
}

// debianPackage packs the programs of bin as a release does.
func debianPackage(t *testing.T, root, bin string) string {
	t.Helper()
	in, out := t.TempDir(), filepath.Join(t.TempDir(), "dist")
	system := filepath.Join(in, "linux_"+runtime.GOARCH)
	if err := os.Mkdir(system, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"vz", "vz-box", "vz-guest-agent", "vz-monitor", "vz-sandbox", "vz-stack", "vz-vm", "vz-vmm"} {
		if err := os.Symlink(filepath.Join(bin, program), filepath.Join(system, program)); err != nil {
			t.Fatal(err)
		}
	}
	run(t, filepath.Join(root, "vzcli"), "go", "run", "-trimpath", "-tags=netgo,osusergo,seccomp", "./internal/manual/generate", "share", filepath.Join(in, "share"), "0.1.0")
	run(t, filepath.Join(root, "tools", "release"), "env", "GOWORK=off", "GOFLAGS=", "go", "run", ".",
		"-version", "0.1.0", "-epoch", "1700000000", "-root", "../..", "-in", in, "-out", out)
	return filepath.Join(out, "vz_0.1.0_"+runtime.GOARCH+".deb")
}

// run returns what a command printed.
func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", filepath.Base(program), args, err, out)
	}
	return string(out)
}
