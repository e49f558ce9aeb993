//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestConformanceNative runs the scenarios with real containers and real
// traffic. It needs root, vz-monitor and vz-box, which `make test` puts on the
// PATH.
func TestConformanceNative(t *testing.T) { runNative(t, "testdata/conformance") }

// TestScriptNative runs the scripts once more with real containers. The images
// that they name are vz:builtin under other names.
func TestScriptNative(t *testing.T) { runNative(t, "testdata/script") }

func runNative(t *testing.T, dir string) {
	if os.Geteuid() != 0 {
		need(t, "not root")
	}
	monitor, err := exec.LookPath("vz-monitor")
	if err != nil {
		need(t, "vz-monitor is not on the PATH (make build)")
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(monitor), "vz-box")); err != nil {
		need(t, "vz-box is not beside vz-monitor (make build)")
	}
	p := params(dir)
	fake := p.Setup
	p.Setup = func(e *testscript.Env) error {
		if err := fake(e); err != nil {
			return err
		}
		e.Setenv("VZ_BACKEND", "native")
		e.Setenv("VZ_LIBEXEC", filepath.Dir(monitor))
		e.Setenv("SERVER", "httpd -p 80 -h /www")
		e.Defer(func() { removeAll(t, e) })
		vz(t, e, "pull", "-q", "vz:builtin")
		for _, name := range []string{"busybox", "busybox:1.36", "alpine"} {
			vz(t, e, "tag", "vz:builtin", name)
		}
		return nil
	}
	p.Condition = func(string) (bool, error) { return true, nil }
	testscript.RunT(serial{t}, p)
}

// A serial test runs its scripts one after the other: each has a state of its
// own, and two states at once may choose the same subnet.
type serial struct{ *testing.T }

// Parallel implements testscript.T.
func (serial) Parallel() {}

// Verbose implements testscript.T.
func (serial) Verbose() bool { return testing.Verbose() }

// Run implements testscript.T.
func (s serial) Run(name string, f func(t testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{t}) })
}

// need skips the test, or fails it where VZ_REQUIRE has root.
func need(t *testing.T, why string) {
	t.Helper()
	for r := range strings.SplitSeq(os.Getenv("VZ_REQUIRE"), ",") {
		if r == "root" {
			t.Fatalf("%s, and VZ_REQUIRE has root", why)
		}
	}
	t.Skip(why)
}

func vz(t *testing.T, e *testscript.Env, args ...string) string {
	cmd := exec.Command("vz", args...)
	cmd.Dir, cmd.Env = e.WorkDir, append(os.Environ(), e.Vars...)
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("vz %q: %v: %s", args, err, out)
	}
	return string(out)
}

// removeAll removes what a script left, as those that failed do.
func removeAll(t *testing.T, e *testscript.Env) {
	if ids := strings.Fields(vz(t, e, "ps", "-aq")); len(ids) > 0 {
		vz(t, e, append([]string{"rm", "-f"}, ids...)...)
	}
	vz(t, e, "network", "prune", "-f")
}
