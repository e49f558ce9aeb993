package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"vz.internal/vzcontract"
)

// env is what a check works with.
type env struct {
	*testing.T
	ctx    context.Context //nolint:containedctx // the check's own
	b      vzcontract.RuntimeBackend
	cfg    Config
	rootfs string
}

// untilKilled is a workload that runs until it is killed, says "ready" on
// stdout, and ends with 7 on SIGTERM.
var untilKilled = []string{"sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"}

// config returns a config that runs args without a network.
func (e *env) config(args ...string) vzcontract.RunConfig {
	e.Helper()
	cfg := vzcontract.RunConfig{Args: args, NetworkMode: "none", Pull: vzcontract.PullMissing}
	if e.cfg.Rootfs == nil {
		cfg.Image = e.cfg.Image
		return cfg
	}
	if e.rootfs == "" {
		e.rootfs = e.cfg.Rootfs(e.T)
	}
	cfg.Rootfs = e.rootfs
	return cfg
}

func (e *env) create(cfg vzcontract.RunConfig) vzcontract.ContainerInfo {
	e.Helper()
	info, err := e.b.Create(e.ctx, cfg)
	if err != nil {
		e.Fatalf("create %q: %v", cfg.Args, err)
	}
	return info
}

// start creates and starts without attaching.
func (e *env) start(cfg vzcontract.RunConfig) vzcontract.ContainerInfo {
	e.Helper()
	info := e.create(cfg)
	if _, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{}); err != nil {
		e.Fatalf("start %q: %v", cfg.Args, err)
	}
	return e.inspect(info.ID)
}

// running starts a workload that runs until it is killed, and waits until it
// says that it is ready.
func (e *env) running() vzcontract.ContainerInfo {
	e.Helper()
	info := e.start(e.config(untilKilled...))
	e.awaitLine(info.ID, "ready")
	return info
}

func (e *env) inspect(id string) vzcontract.ContainerInfo {
	e.Helper()
	info, err := e.b.Inspect(e.ctx, id)
	if err != nil {
		e.Fatalf("inspect: %v", err)
	}
	return info
}

func (e *env) wait(id string) vzcontract.ExitStatus {
	e.Helper()
	exit, err := e.b.Wait(e.ctx, id, vzcontract.WaitNotRunning)
	if err != nil {
		e.Fatalf("wait: %v", err)
	}
	return exit
}

func (e *env) kill(id string) {
	e.Helper()
	if err := e.b.Kill(e.ctx, id, "KILL"); err != nil {
		e.Fatalf("kill: %v", err)
	}
	e.wait(id)
}

// result is what a workload gave.
type result struct {
	stdout, stderr string
	exit           vzcontract.ExitStatus
}

// run runs a workload to its end.
func (e *env) run(cfg vzcontract.RunConfig, stdin io.Reader) result {
	e.Helper()
	r, err := e.tryRun(cfg, stdin)
	if err != nil {
		e.Fatalf("run %q: %v", cfg.Args, err)
	}
	return r
}

func (e *env) tryRun(cfg vzcontract.RunConfig, stdin io.Reader) (result, error) {
	e.Helper()
	if stdin != nil {
		cfg.OpenStdin, cfg.StdinOnce = true, true
	}
	info := e.create(cfg)
	var out, errs bytes.Buffer
	opts := &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{In: stdin, Out: &out, Err: &errs}}
	a, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{Attach: opts})
	if err != nil {
		return result{}, err
	}
	exit, err := a.Wait(e.ctx)
	if err != nil {
		return result{}, err
	}
	if err := a.Close(); err != nil {
		e.Errorf("close after the end: %v", err)
	}
	return result{out.String(), errs.String(), exit}, nil
}

// output runs args and returns stdout; the workload must end well.
func (e *env) output(cfg vzcontract.RunConfig) string {
	e.Helper()
	r := e.run(cfg, nil)
	if r.exit.Code != 0 {
		e.Fatalf("run %q = exit %+v, stderr %q", cfg.Args, r.exit, r.stderr)
	}
	return r.stdout
}

// exec runs a program in a container to its end.
func (e *env) exec(id string, cfg vzcontract.ExecConfig) result {
	e.Helper()
	var out, errs bytes.Buffer
	cfg.Stdio.Out, cfg.Stdio.Err = &out, &errs
	s, err := e.b.Exec(e.ctx, id, cfg)
	if err != nil {
		e.Fatalf("exec %q: %v", cfg.Args, err)
	}
	exit, err := s.Wait(e.ctx)
	if err != nil {
		e.Fatalf("exec %q: wait: %v", cfg.Args, err)
	}
	if err := s.Close(); err != nil {
		e.Errorf("exec %q: close: %v", cfg.Args, err)
	}
	return result{out.String(), errs.String(), exit}
}

var errFound = errors.New("found")

// awaitLine returns when the container's log holds line.
func (e *env) awaitLine(id, line string) {
	e.Helper()
	err := e.b.Logs(e.ctx, id, vzcontract.LogOptions{Follow: true, Tail: -1}, func(l vzcontract.LogEntry) error {
		if strings.TrimRight(string(l.Line), "\r\n") == line {
			return errFound
		}
		return nil
	})
	if !errors.Is(err, errFound) {
		e.Fatalf("the log ended without %q: %v; container %+v", line, err, e.inspect(id).Exit)
	}
}

func (e *env) logs(id string, opts vzcontract.LogOptions) string {
	e.Helper()
	var all strings.Builder
	err := e.b.Logs(e.ctx, id, opts, func(l vzcontract.LogEntry) error {
		all.Write(l.Line)
		return nil
	})
	if err != nil {
		e.Fatalf("logs: %v", err)
	}
	return all.String()
}

// wantClass fails unless err is of the class, has its code and one line.
func (e *env) wantClass(what string, err, class error) {
	e.Helper()
	if err == nil {
		e.Errorf("%s: no error, want one matching %q", what, class)
		return
	}
	if !errors.Is(err, class) {
		e.Errorf("%s: error %q does not match %q", what, err, class)
	}
	if text := err.Error(); text == "" || strings.Contains(text, "\n") {
		e.Errorf("%s: error text %q is not one line", what, text)
	}
}

// wantState fails unless the container is in state, and its record consistent.
func (e *env) wantState(id string, state vzcontract.State) vzcontract.ContainerInfo {
	e.Helper()
	info := e.inspect(id)
	if info.State != state {
		e.Errorf("state = %s, want %s", info.State, state)
	}
	e.consistent(info)
	return info
}

// consistent checks what ContainerInfo promises.
func (e *env) consistent(info vzcontract.ContainerInfo) {
	e.Helper()
	started, stopped := !info.StartedAt.IsZero(), !info.StoppedAt.IsZero()
	switch info.State {
	case vzcontract.StateCreated:
		if started || stopped || info.Exit != nil || info.PID != 0 {
			e.Errorf("a created container has start %v, stop %v, exit %v, pid %d", info.StartedAt, info.StoppedAt, info.Exit, info.PID)
		}
	case vzcontract.StateRunning, vzcontract.StatePaused:
		if !started || stopped || info.Exit != nil || info.PID <= 0 {
			e.Errorf("a %s container has start %v, stop %v, exit %v, pid %d", info.State, info.StartedAt, info.StoppedAt, info.Exit, info.PID)
		}
	case vzcontract.StateStopped:
		if !started || !stopped || info.Exit == nil || info.PID != 0 || info.StoppedAt.Before(info.StartedAt) {
			e.Errorf("a stopped container has start %v, stop %v, exit %v, pid %d", info.StartedAt, info.StoppedAt, info.Exit, info.PID)
		}
	default:
		e.Errorf("a listed container is in state %q", info.State)
	}
	if len(info.ID) != 64 || strings.Trim(info.ID, "0123456789abcdef") != "" {
		e.Errorf("id %q is not 64 hex digits", info.ID)
	}
	if info.Backend != e.b.BackendName() {
		e.Errorf("info.Backend = %q, want %q", info.Backend, e.b.BackendName())
	}
}

// tearDown removes every container and closes the backend.
func (e *env) tearDown() {
	e.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	list, err := e.b.List(ctx)
	if err != nil {
		e.Errorf("list at the end: %v", err)
	}
	for _, c := range list {
		if err := e.b.Remove(ctx, c.ID, vzcontract.RemoveOptions{Force: true, Volumes: true}); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			e.Errorf("remove %s at the end: %v", c.Name, err)
		}
	}
	if v, ok := e.b.(vzcontract.Volumes); ok && e.lacks(vzcontract.FeatureVolumes) == "" {
		if _, err := v.PruneVolumes(ctx, true); err != nil {
			e.Errorf("prune volumes at the end: %v", err)
		}
	}
	if n, ok := e.b.(vzcontract.Networks); ok && e.lacks(vzcontract.FeatureNetworks) == "" {
		if _, err := n.PruneNetworks(ctx); err != nil {
			e.Errorf("prune networks at the end: %v", err)
		}
	}
	if err := e.b.Close(); err != nil {
		e.Errorf("close: %v", err)
	}
}

// A locked buffer may be read while somebody writes to it; until wakes its
// waiters at each write.
type locked struct {
	mu      sync.Mutex
	buf     bytes.Buffer  // guarded by mu
	changed chan struct{} // guarded by mu
}

func newLocked() *locked { return &locked{changed: make(chan struct{})} }

// Write implements io.Writer.
func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.buf.Write(b)
}

func (l *locked) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// until returns when the buffer holds text.
func (l *locked) until(e *env, text string) {
	e.Helper()
	for {
		l.mu.Lock()
		found, changed := strings.Contains(l.buf.String(), text), l.changed
		l.mu.Unlock()
		if found {
			return
		}
		select {
		case <-changed:
		case <-e.ctx.Done():
			e.Fatalf("%q did not appear in %q", text, l.text())
		}
	}
}
