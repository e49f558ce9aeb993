//go:build linux

package e2e

import (
	"strings"
	"syscall"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

// onTerm is a program that ends as told by SIGTERM, once it said "ready".
const onTerm = `trap 'echo bye; exit 143' TERM; echo ready; while :; do sleep 1000 & wait $!; done`

func TestExitCodes(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	h.Must("pull", "-q", image)
	tests := []struct {
		name string
		args []string
		code int
	}{
		{"own", []string{image, "sh", "-c", "exit 42"}, 42},
		{"own 125", []string{image, "sh", "-c", "exit 125"}, 125},
		{"success", []string{image, "true"}, 0},
		{"no image", []string{"--pull", "never", "no/such", "true"}, 125},
		{"a directory", []string{image, "/tmp"}, 126},
		{"no mode", []string{image, "/bin/no-mode"}, 126},
		{"not a program", []string{image, "/bin/no-shebang"}, 126},
		{"not there", []string{image, "no-such-program"}, 127},
		{"killed itself", []string{"--init", image, "sh", "-c", "kill -9 $$"}, 137},
		{"terminated itself", []string{"--init", image, "sh", "-c", "kill $$"}, 143},
		{"wrong flag", []string{"--no-such-flag", image}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := h.Do(append([]string{"run", "--rm", "-q", "--network", "none"}, tt.args...)...)
			if r.Code != tt.code {
				t.Errorf("%s\nwant exit code %d", r, tt.code)
			}
			if left := h.Containers(); len(left) != 0 {
				t.Errorf("left containers %q", left)
			}
		})
	}
}

// What stop, kill and wait say of a detached container, and inspect afterwards.
func TestEndsOfDetached(t *testing.T) {
	h := vztest.New(t)
	image := busybox(t, "busybox")
	tests := []struct {
		name string
		run  []string
		end  []string
		code string
	}{
		{"stop", []string{image, "sh", "-c", onTerm}, []string{"stop"}, "143"},
		{"stop by signal", []string{"--stop-signal", "USR1", image, "sh", "-c", "trap 'exit 5' USR1; echo ready; while :; do sleep 1000 & wait $!; done"}, []string{"stop"}, "5"},
		{"stop with init", []string{"--init", image, "sh", "-c", "echo ready; exec sleep 1000"}, []string{"stop"}, "143"},
		{"stop of a deaf one", []string{image, "sh", "-c", "echo ready; sleep 1000; true"}, []string{"stop", "-t", "1"}, "137"},
		{"kill", []string{image, "sh", "-c", onTerm}, []string{"kill"}, "137"},
		{"kill by signal", []string{image, "sh", "-c", onTerm}, []string{"kill", "-s", "TERM"}, "143"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id := strings.TrimSpace(h.Must(append([]string{"run", "-q", "-d", "--network", "none"}, tt.run...)...))
			waitForLog(t, h, id, "ready")
			wait := make(chan vztest.Result, 1)
			go func() { wait <- h.Do("wait", id) }()
			h.Must(append(tt.end, id)...)
			if r := <-wait; r.Code != 0 || strings.TrimSpace(r.Stdout) != tt.code {
				t.Errorf("%s\nwant %s", r, tt.code)
			}
			if got := h.Inspect(id, "{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Pid}}"); got != "exited "+tt.code+" false 0" {
				t.Errorf("inspect says %q", got)
			}
			h.Must("rm", id)
		})
	}
}

// Signals to a foreground vz run reach the program, and its code comes back.
func TestSignalToForeground(t *testing.T) {
	h := vztest.New(t)
	cmd := h.Command("run", "-q", "--rm", "--name", "c", "--network", "none", busybox(t, "busybox"), "sh", "-c", onTerm)
	out := startWith(t, cmd, "ready")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest := readAll(t, out)
	_ = cmd.Wait() // the code tells
	if code := cmd.ProcessState.ExitCode(); code != 143 || rest != "bye\n" {
		t.Errorf("exit code %d after %q, want 143 after bye", code, rest)
	}
	if left := h.Containers(); len(left) != 0 {
		t.Errorf("left containers %q", left)
	}
}

// An end for want of memory is named.
func TestOutOfMemory(t *testing.T) {
	h := vztest.New(t)
	r := h.Do("run", "-q", "--name", "c", "--network", "none", "--memory", "16m", "--memory-swap", "16m", busybox(t, "busybox"), "tail", "/dev/zero")
	if r.Code != 137 {
		t.Errorf("%s\nwant exit code 137", r)
	}
	if got := h.Inspect("c", "{{.State.OOMKilled}} {{.State.ExitCode}}"); got != "true 137" {
		t.Errorf("inspect says %q", got)
	}
}
