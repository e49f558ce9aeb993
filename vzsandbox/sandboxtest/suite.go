package sandboxtest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

// A Config says what to run the suite on.
type Config struct {
	// New returns a backend without containers. What it needs to clean up belongs in
	// t.Cleanup; the suite removes its sandboxes before.
	New func(t *testing.T) vzcontract.RuntimeBackend
	// Template gives what sandboxes are made from: a root as conformance.BusyboxRoot.
	Template func(t *testing.T) vzsandbox.Template
}

type check struct {
	name string
	run  func(e *env)
	// needs is an ability without which the check is skipped.
	needs vzsandbox.Ability
}

// Run runs every check as a subtest with a backend of its own.
func Run(t *testing.T, cfg Config) {
	for _, list := range [][]check{commandChecks, processChecks, fileChecks, projectChecks, dialChecks, snapshotChecks, timeChecks, poolChecks} {
		for _, c := range list {
			t.Run(c.name, func(t *testing.T) {
				e := newEnv(t, cfg)
				if why := e.host.Capabilities().Missing[c.needs]; why != "" {
					t.Skipf("%s: %s", c.needs, why)
				}
				c.run(e)
			})
		}
	}
}

// env is what one check has.
type env struct {
	*testing.T
	ctx  context.Context //nolint:containedctx // of one check
	b    vzcontract.RuntimeBackend
	host *vzsandbox.Host
	root string // of projects
	tmpl vzsandbox.Template
}

func newEnv(t *testing.T, cfg Config) *env {
	t.Helper()
	e := &env{T: t, b: cfg.New(t), root: t.TempDir(), tmpl: cfg.Template(t)}
	var cancel context.CancelFunc
	e.ctx, cancel = context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	var err error
	e.host, err = vzsandbox.New(e.b, vzsandbox.Options{Dir: filepath.Join(t.TempDir(), "sandboxes"), Root: e.root})
	e.must(err)
	t.Cleanup(func() {
		ctx := context.Background()
		list, err := e.b.List(ctx)
		e.must(err)
		for _, c := range list {
			e.must(e.b.Remove(ctx, c.ID, vzcontract.RemoveOptions{Force: true, Volumes: true}))
		}
	})
	return e
}

func (e *env) must(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) wantClass(what string, err, class error) {
	e.Helper()
	if !errors.Is(err, class) {
		e.Errorf("%s: error = %v, want one of class %v", what, err, class)
	}
}

// create makes a sandbox.
func (e *env) create(opts vzsandbox.CreateOptions) *vzsandbox.Sandbox {
	e.Helper()
	s, err := e.host.Create(e.ctx, e.tmpl, opts)
	e.must(err)
	return s
}

// run runs a line of a shell, whatever comes of it.
func (e *env) run(s *vzsandbox.Sandbox, line string) vzsandbox.Result {
	e.Helper()
	r, err := s.Run(e.ctx, sh(line))
	e.must(err)
	return r
}

// shell runs a line that must succeed and returns what it wrote.
func (e *env) shell(s *vzsandbox.Sandbox, line string) string {
	e.Helper()
	r := e.run(s, line)
	if r.Exit.Code != 0 {
		e.Fatalf("%s: exit code %d, %s", line, r.Exit.Code, r.Stderr)
	}
	return string(r.Stdout)
}

func sh(line string) vzsandbox.Command { return vzsandbox.Command{Args: []string{"sh", "-c", line}} }

// want compares what a line of a shell writes.
func (e *env) want(s *vzsandbox.Sandbox, line, want string) {
	e.Helper()
	if got := e.shell(s, line); got != want {
		e.Errorf("%s: %q, want %q", line, got, want)
	}
}

// info returns a sandbox's.
func (e *env) info(s *vzsandbox.Sandbox) vzsandbox.Info {
	e.Helper()
	i, err := s.Info(e.ctx)
	e.must(err)
	return i
}

// afterwards is a context for the end of a check, whose own has ended.
func (e *env) afterwards() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(e.ctx), time.Minute)
}
