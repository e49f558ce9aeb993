package sandbox

import (
	"path/filepath"
	"strings"
	"testing"

	"vz.internal/tools/e2e/internal/need"
	"vz.internal/vzcontract/conformance"
	"vz.internal/vzsandbox"
)

// TestDefaults looks from inside at what a template without a word means.
func TestDefaults(t *testing.T) {
	need.Root(t)
	b := backend(t)
	h, err := vzsandbox.New(b, vzsandbox.Options{Dir: filepath.Join(b.dir, "home/sandboxes")})
	must(t, err)
	tmpl := vzsandbox.Template{Rootfs: conformance.BusyboxRoot(t, need.Programs(t, "busybox"))}
	s, err := h.Create(t.Context(), tmpl, vzsandbox.CreateOptions{})
	must(t, err)
	defer func() { must(t, s.Remove(t.Context())) }()
	shell := func(line string) string {
		t.Helper()
		r, err := s.Run(t.Context(), vzsandbox.Command{Args: []string{"/bin/busybox", "sh", "-c", line}})
		must(t, err)
		if r.Exit.Code != 0 {
			t.Fatalf("%s: %+v %s", line, r.Exit, r.Stderr)
		}
		return strings.TrimSpace(string(r.Stdout))
	}
	status := shell("cat /proc/self/status")
	for _, want := range []string{
		"CapEff:\t00000000000000fb", "CapPrm:\t00000000000000fb", "CapBnd:\t00000000000000fb", "CapInh:\t0000000000000000", "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
	} {
		if !strings.Contains(status, want+"\n") {
			t.Errorf("a program in a sandbox lacks %q:\n%s", want, status)
		}
	}
	if got := shell("/bin/busybox ls /sys/class/net"); got != "lo" {
		t.Errorf("interfaces: %q", got)
	}
	// More processes than are allowed: the kernel refuses, and the sandbox lives on.
	r, err := s.Run(t.Context(), vzsandbox.Command{Args: []string{"/bin/busybox", "sh", "-c", "n=0; while [ $n -lt 2000 ]; do /bin/busybox sleep 100 & n=$((n+1)); done"}})
	must(t, err)
	if r.Exit.Code == 0 || !strings.Contains(string(r.Stderr), "fork") {
		t.Errorf("2000 processes: %+v %.200s", r.Exit, r.Stderr)
	}
}
