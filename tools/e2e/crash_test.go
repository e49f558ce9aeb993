//go:build linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"vz.internal/tools/e2e/internal/vztest"
)

// alive reports whether the process runs.
func alive(pid string) bool {
	state, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(state), ") Z")
}

// monitors returns the pids of the home's monitors.
func monitors(h *vztest.Home) (pids []string) {
	for _, p := range h.Processes() {
		if exe, err := os.Readlink("/proc/" + p.Pid + "/exe"); err == nil && strings.HasSuffix(exe, "/vz-monitor") {
			pids = append(pids, p.Pid)
		}
	}
	return pids
}

// vz killed with -9 in the foreground leaves a container that can be listed,
// stopped and removed.
func TestKilledForeground(t *testing.T) {
	h := vztest.New(t)
	cmd := h.Command("run", "-q", "--name", "c", "--network", "none", busybox(t, "busybox"), "sh", "-c", onTerm)
	startWith(t, cmd, "ready")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := h.Inspect("c", "{{.State.Status}}"); got != "running" {
		t.Errorf("after vz run was killed the container is %s", got)
	}
	h.Must("stop", "c")
	if got := h.Inspect("c", "{{.State.Status}} {{.State.ExitCode}}"); got != "exited 143" {
		t.Errorf("after stop the container is %s", got)
	}
}

// After the monitor was killed with -9 ps tells what is true, and rm -f cleans.
func TestKilledMonitor(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	id := strings.TrimSpace(h.Must("run", "-q", "-d", "--name", "c", image, "sleep", "1000"))
	pid := h.Inspect("c", "{{.State.Pid}}")
	if !alive(pid) {
		t.Fatalf("inspect tells pid %s, which does not run", pid)
	}
	killed := monitors(h)
	if len(killed) == 0 {
		t.Fatal("the container has no monitor")
	}
	for _, m := range killed {
		kill(t, m)
	}
	status := h.Inspect("c", "{{.State.Status}}")
	if running := alive(pid); running != (status == "running") {
		t.Errorf("process 1 runs: %v, but inspect says %s", running, status)
	}
	listed := strings.TrimSpace(h.Must("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}"))
	if listed != id+" "+status {
		t.Errorf("ps lists %q, inspect says %s", listed, status)
	}
	h.Must("rm", "-f", "c")
	if alive(pid) {
		t.Errorf("process 1 still runs after rm -f")
	}
	h.Must("run", "-q", "--rm", "--name", "c", image, "true") // name and address are free
}

func kill(t *testing.T, pid string) {
	t.Helper()
	if err := exec.Command("kill", "-9", pid).Run(); err != nil {
		t.Fatal(err)
	}
}

// vz and its monitors killed at any moment leave what ps can list and rm -f
// can remove, and names that can be used again.
func TestKilledAtAnyMoment(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	for i := range 20 {
		name := fmt.Sprintf("c%d", i)
		cmd := h.Command("run", "-q", "-d", "--name", name, "-p", "127.0.0.1::80", image, "sleep", "1000")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Duration(i) * 3 * time.Millisecond) // the moment: no event to wait for
		_ = cmd.Process.Kill()                                // it may have ended
		if i%2 == 1 {
			for _, m := range monitors(h) {
				_ = exec.Command("kill", "-9", m).Run() // it may have ended
			}
		}
		_ = cmd.Wait()
		if r := h.Do("ps", "-a"); r.Code != 0 || r.Stderr != "" {
			t.Errorf("killed after %d ms: %s", i*3, r)
		}
		for _, id := range h.Containers() {
			if r := h.Do("rm", "-f", id); r.Code != 0 {
				t.Errorf("killed after %d ms: %s", i*3, r)
			}
		}
		if left := h.Containers(); len(left) > 0 {
			t.Errorf("killed after %d ms: left %q", i*3, left)
		}
		if r := h.Do("create", "-q", "--name", name, image); r.Code != 0 {
			t.Errorf("killed after %d ms: the name cannot be used again: %s", i*3, r)
		}
		h.Do("rm", "-f", name)
	}
}
