//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

const rebootFile = `
name: rebooted
services:
  web:
    image: busybox
    init: true
    command: sh -c 'wget -q -O /tmp/got http://db/page && exec sleep 1000'
    restart: always
    depends_on: {db: {condition: service_healthy}}
  db:
    image: busybox
    command: sh -c 'mkdir -p /www; echo page >/www/page; exec httpd -f -p 80 -h /www'
    restart: unless-stopped
    healthcheck: {test: wget -q -O /dev/null http://127.0.0.1/page, interval: 50ms}
  halted: {image: busybox, init: true, command: sleep 1000, restart: always}
  job: {image: busybox, command: "true"}
`

// reboot does to the home what a reboot of the host does: all processes are
// gone at once, and so is what lay in memory.
func reboot(t *testing.T, h *vztest.Home) {
	t.Helper()
	var pids []string
	for _, id := range strings.Fields(h.Must("ps", "-q", "--no-trunc")) {
		for line := range strings.Lines(h.Must("top", id, "-o", "pid")) {
			pids = append(pids, strings.TrimSpace(line))
		}
	}
	var monitors []string
	for _, p := range h.Processes() {
		monitors = append(monitors, p.Pid)
	}
	for _, pid := range slices.Concat(monitors, pids) { // a monitor must not see the end of its container
		if n, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL) // it may have ended with another one
		}
	}
	for _, pid := range slices.Concat(monitors, pids) {
		eventually(t, func() error {
			if exists("/proc/" + pid + "/exe") {
				return fmt.Errorf("process %s is still there", pid)
			}
			return nil
		})
	}
	entries, err := filepath.Glob(filepath.Join(h.Run(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(e); err != nil {
			t.Fatal(err)
		}
	}
}

// After a reboot `vz system resume` brings back what should run, and only that,
// the services of a project in order.
func TestResumeAfterReboot(t *testing.T) {
	h := stackHome(t)
	file := filepath.Join(h.Dir, "compose.yaml")
	if err := os.WriteFile(file, []byte(rebootFile), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []string{file}
	if r := compose(h, files, "up", "-d", "--wait"); r.Code != 0 {
		t.Fatal(r)
	}
	t.Cleanup(func() { compose(h, files, "down", "-v", "-t", "0") })
	run := func(name string, args ...string) {
		t.Helper()
		h.Must(slices.Concat([]string{"run", "-q", "-d", "--name", name, "--init"}, args, []string{"busybox", "sleep", "1000"})...)
	}
	run("always", "--restart", "always", "-p", "127.0.0.1::80")
	run("sidecar", "--restart", "unless-stopped", "--network", "container:always")
	run("stopped", "--restart", "always")
	run("once")
	h.Must("stop", "stopped")
	if r := compose(h, files, "stop", "halted"); r.Code != 0 {
		t.Fatal(r)
	}
	port := h.Must("port", "always")
	reboot(t, h)
	if got := h.Must("ps", "-q"); got != "" {
		t.Fatalf("containers %q survived the reboot", got)
	}
	resumed := h.Do("system", "resume")
	if resumed.Code != 0 {
		t.Fatal(resumed)
	}
	if resumed.Stdout != "always\nsidecar\n" {
		t.Errorf("resume printed %q", resumed.Stdout)
	}
	healthy, started := strings.Index(resumed.Stderr, "rebooted-db-1  Healthy"), strings.Index(resumed.Stderr, "rebooted-web-1  Starting")
	if healthy < 0 || started < healthy {
		t.Errorf("web was not started after db was healthy: %s", resumed)
	}
	names := strings.Fields(h.Must("ps", "--format", "{{.Names}}"))
	slices.Sort(names)
	if want := []string{"always", "rebooted-db-1", "rebooted-web-1", "sidecar"}; !slices.Equal(names, want) {
		t.Errorf("after resume %v run, want %v", names, want)
	}
	h.Must("wait", "--condition", "healthy", "rebooted-db-1")
	if got := h.Must("exec", "rebooted-web-1", "wget", "-q", "-O", "-", "http://db/page"); got != "page\n" {
		t.Errorf("the services do not reach each other: %q", got)
	}
	if port == "" || h.Must("port", "always") == "" {
		t.Error("no port is published any more")
	}
	if again := h.Do("system", "resume"); again.Code != 0 || again.Stdout != "" {
		t.Errorf("resume of what runs: %s", again)
	}
}
