//go:build linux

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"vz.internal/tools/e2e/internal/vztest"
)

const crashFile = `
name: crashed
services:
  db:
    image: busybox
    init: true
    command: sleep 1000
    healthcheck: {test: test -e /etc/passwd, interval: 20ms, retries: 1000}
    volumes: ["data:/data"]
    networks: [back]
  web: {image: busybox, init: true, command: sleep 1000, depends_on: {db: {condition: service_healthy}}, networks: [back, front], ports: ["127.0.0.1::80"]}
  job: {image: busybox, command: "true", depends_on: {db: {condition: service_started}}}
  side: {image: busybox, init: true, command: sleep 1000, network_mode: "service:web"}
  last: {image: busybox, init: true, command: sleep 1000, depends_on: {job: {condition: service_completed_successfully}, web: {condition: service_started}}}
volumes: {data: {}}
networks: {front: {}, back: {internal: true}}
`

// stackFile writes a Compose file into a home.
func stackFile(t *testing.T, h *vztest.Home, text string) []string {
	t.Helper()
	file := filepath.Join(h.Dir, "compose.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{file}
}

// upUntil runs `up -d` and sends it a signal after n lines of its progress. It
// reports whether there were as many.
func upUntil(t *testing.T, h *vztest.Home, files []string, n int, sig syscall.Signal) (code int, hit bool) {
	t.Helper()
	cmd := h.Command("stack", "-f", files[0], "up", "-d")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for seen := 0; lines.Scan(); {
		if seen++; seen == n {
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err) // it is not waited for yet
			}
			hit = true
		}
	}
	_ = cmd.Wait() // the code tells
	return cmd.ProcessState.ExitCode(), hit
}

// settled checks that the project is what its file says, however it came to be.
func settled(t *testing.T, h *vztest.Home, files []string, when string) {
	t.Helper()
	if r := compose(h, files, "up", "-d", "--wait"); r.Code != 0 {
		t.Fatalf("%s: up again: %s", when, r)
	}
	const want = "db running\njob exited\nlast running\nside running\nweb running\n"
	if got := compose(h, files, "ps", "-a", "--format", "{{.Service}} {{.State}}").Stdout; got != want {
		t.Errorf("%s: after up again there is\n%s", when, got)
	}
	if n := len(h.Containers()); n != 5 {
		t.Errorf("%s: after up again there are %d containers", when, n)
	}
}

// gone checks that down leaves nothing.
func gone(t *testing.T, h *vztest.Home, files []string, when string) {
	t.Helper()
	if r := compose(h, files, "down", "-v", "-t", "0"); r.Code != 0 {
		t.Fatalf("%s: %s", when, r)
	}
	left := h.Must("ps", "-aq") + h.Must("network", "ls", "-q", "-f", "type=custom") + h.Must("volume", "ls", "-q")
	if left != "" {
		t.Errorf("%s: down left %q", when, left)
	}
}

// An `up` that is killed with -9, or interrupted, after any of its steps is
// finished by the next one, or taken away by `down`.
func TestStackUpCutShort(t *testing.T) {
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "interrupted": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			h := stackHome(t)
			files := stackFile(t, h, crashFile)
			for n := 1; ; n += 4 {
				when := fmt.Sprintf("%s after %d steps", name, n)
				code, hit := upUntil(t, h, files, n, sig)
				if hit && sig == syscall.SIGINT && code != 130 && code != 0 { // 0: it was done already
					t.Errorf("%s: exit code %d", when, code)
				}
				if n%8 == 1 { // every other time it is only taken down
					settled(t, h, files, when)
				}
				gone(t, h, files, when)
				if !hit {
					return
				}
			}
		})
	}
}

// Two at once of one project: one waits, both end well, each thing is made once.
func TestStackTwoUpsAtOnce(t *testing.T) {
	h := stackHome(t)
	files := stackFile(t, h, crashFile)
	results := make(chan vztest.Result)
	for range 2 {
		go func() { results <- compose(h, files, "up", "-d") }()
	}
	var said string
	for range 2 {
		r := <-results
		if r.Code != 0 {
			t.Error(r)
		}
		said += r.Stderr
	}
	for _, name := range []string{"db", "web", "job", "side", "last"} {
		if n := strings.Count(said, "crashed-"+name+"-1  Created"); n != 1 {
			t.Errorf("%s was made %d times", name, n)
		}
	}
	settled(t, h, files, "two at once")
	gone(t, h, files, "two at once")
}

// hundredFile has 100 services, ten of which wait for each other's health.
func hundredFile() string {
	var text strings.Builder
	text.WriteString("name: hundred\nservices:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "  s%d:\n    image: busybox\n    init: true\n    command: sleep 1000\n", i)
		if i < 10 {
			text.WriteString("    healthcheck: {test: test -e /etc/passwd, interval: 100ms, retries: 1000}\n")
		}
		if i > 0 && i < 10 {
			fmt.Fprintf(&text, "    depends_on: {s%d: {condition: service_healthy}}\n", i-1)
		}
	}
	return text.String()
}

// A project of 100 services comes up with its chain in order, once, and goes.
func TestStackOfHundred(t *testing.T) {
	h := stackHome(t)
	files := stackFile(t, h, hundredFile())
	t.Cleanup(func() { compose(h, files, "down", "-t", "0") }) // where the test ended before
	up := compose(h, files, "up", "-d", "--wait")
	if up.Code != 0 {
		t.Fatal(up)
	}
	for i := 1; i < 10; i++ {
		healthy := strings.Index(up.Stderr, fmt.Sprintf("hundred-s%d-1  Healthy", i-1))
		started := strings.Index(up.Stderr, fmt.Sprintf("hundred-s%d-1  Starting", i))
		if healthy < 0 || started < healthy {
			t.Errorf("s%d was started before s%d was healthy", i, i-1)
		}
	}
	states := strings.Fields(compose(h, files, "ps", "-a", "--format", "{{.State}}").Stdout)
	if len(states) != 100 || slices.ContainsFunc(states, func(s string) bool { return s != "running" }) {
		t.Errorf("%d containers are %v", len(states), slices.Compact(slices.Sorted(slices.Values(states))))
	}
	if again := compose(h, files, "up", "-d"); again.Code != 0 || strings.Contains(again.Stderr, "Creat") || strings.Contains(again.Stderr, "Start") {
		t.Errorf("up again: %s", again)
	}
	gone(t, h, files, "a hundred")
}
