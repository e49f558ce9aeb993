package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A dir is a directory with a Compose file and a state of its own.
type dir struct {
	t    *testing.T
	path string
	ctx  context.Context //nolint:containedctx // of one test
}

func newDir(t *testing.T, file string) *dir {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	d := &dir{t: t, path: t.TempDir(), ctx: ctx}
	require.NoError(t, os.WriteFile(filepath.Join(d.path, "compose.yaml"), []byte(file), 0o600))
	return d
}

func (d *dir) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(d.ctx, "vz-stack", args...)
	cmd.Dir = d.path
	cmd.Env = append(os.Environ(), "VZ_BACKEND=fake", "VZ_HOME="+filepath.Join(d.path, "home"), "VZ_RUN="+filepath.Join(d.path, "run"))
	return cmd
}

func (d *dir) run(args ...string) string {
	d.t.Helper()
	cmd := d.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(d.t, err, "%s: %s", strings.Join(args, " "), stderr.String())
	return string(out)
}

// A process is a vz-stack whose output is watched.
type process struct {
	*exec.Cmd
	t     *testing.T
	lines chan string
	all   sync.WaitGroup
}

func (d *dir) start(args ...string) *process {
	p := &process{Cmd: d.command(args...), t: d.t, lines: make(chan string, 1000)}
	stdout, err := p.StdoutPipe()
	require.NoError(d.t, err)
	stderr, err := p.StderrPipe()
	require.NoError(d.t, err)
	require.NoError(d.t, p.Start())
	for _, r := range []io.Reader{stdout, stderr} {
		p.all.Go(func() {
			for s := bufio.NewScanner(r); s.Scan(); {
				p.lines <- s.Text()
			}
		})
	}
	go func() {
		p.all.Wait()
		close(p.lines)
	}()
	return p
}

// until reads output up to a line with text.
func (p *process) until(text string) {
	p.t.Helper()
	var seen []string
	for line := range p.lines {
		if seen = append(seen, line); strings.Contains(line, text) {
			return
		}
	}
	p.t.Fatalf("%q was not printed in %q", text, seen)
}

// end returns the rest of the output and the exit code.
func (p *process) end() ([]string, int) {
	var rest []string
	for line := range p.lines {
		rest = append(rest, line)
	}
	_ = p.Wait() // the code tells
	return rest, p.ProcessState.ExitCode()
}

const chain = `
name: shop
services:
  web: {image: busybox, command: sh -c 'trap "echo web stops; exit 0" TERM INT; echo ready; while :; do sleep 0.05; done', depends_on: [db]}
  db: {image: busybox, init: true, command: sleep 1000}
`

func TestInterruptStopsInOrder(t *testing.T) {
	d := newDir(t, chain)
	p := d.start("up")
	p.until("web-1  | ready")
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	rest, code := p.end()
	require.Equal(t, 130, code, "%q", rest)
	text := strings.Join(rest, "\n")
	require.Contains(t, text, "Gracefully stopping... (press Ctrl+C again to force)")
	require.Contains(t, text, "web-1  | web stops")
	require.Less(t, strings.Index(text, "shop-web-1  Stopped"), strings.Index(text, "shop-db-1  Stopping"))
	require.Equal(t, "db exited\nweb exited\n", d.run("ps", "-a", "--format", "{{.Service}} {{.State}}"))
}

func TestSecondInterruptKills(t *testing.T) {
	d := newDir(t, `services: {web: {image: busybox, command: "sh -c 'trap \"\" TERM; echo ready; while :; do sleep 0.05; done'", stop_grace_period: 1h}}`)
	p := d.start("up")
	p.until("ready")
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	p.until("Gracefully")
	p.until("Stopping")
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	rest, code := p.end()
	require.Equal(t, 130, code, "%q", rest)
	require.Contains(t, strings.Join(rest, "\n"), "exited with code 137")
}

func TestKilledInTheMiddleConverges(t *testing.T) {
	d := newDir(t, `
name: shop
services:
  web: {image: busybox, init: true, command: sleep 1000, depends_on: {db: {condition: service_healthy}}}
  db: {image: busybox, init: true, command: sleep 1000, volumes: ["./flag:/flag"], healthcheck: {test: test -e /flag/ready, interval: 20ms}}
`)
	p := d.start("up", "-d")
	p.until("shop-db-1  Waiting")
	require.NoError(t, p.Process.Kill())
	p.end()
	require.NoError(t, os.WriteFile(filepath.Join(d.path, "flag", "ready"), nil, 0o600))
	d.run("up", "-d", "--force-recreate") // the fake's health checks died with the process
	require.Equal(t, "db running\nweb running\n", d.run("ps", "--format", "{{.Service}} {{.State}}"))
	d.run("down")
	require.Empty(t, d.run("ps", "-aq"))
}

func TestTwoProcessesAtOnce(t *testing.T) {
	d := newDir(t, chain)
	first, second := d.start("up", "-d"), d.start("up", "-d")
	one, code := first.end()
	require.Zero(t, code, "%q", one)
	two, code := second.end()
	require.Zero(t, code, "%q", two)
	both := strings.Join(append(one, two...), "\n")
	require.Equal(t, 1, strings.Count(both, "shop-web-1  Created"))
	require.Equal(t, "db running\nweb running\n", d.run("ps", "--format", "{{.Service}} {{.State}}"))
}

func TestFollowedLogsEndWithTheContainer(t *testing.T) {
	d := newDir(t, chain)
	up := d.start("up")
	up.until("ready")
	logs := d.start("logs", "-f", "web")
	logs.until("ready")
	require.NoError(t, up.Process.Signal(syscall.SIGTERM))
	_, code := up.end()
	require.Equal(t, 143, code)
	rest, code := logs.end()
	require.Zero(t, code)
	require.Contains(t, strings.Join(rest, "\n"), "web stops")
}
