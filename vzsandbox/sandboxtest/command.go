package sandboxtest

import (
	"context"
	"errors"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

var commandChecks = []check{
	{name: "run", run: run},
	{name: "run-place", run: runPlace},
	{name: "run-errors", run: runErrors},
	{name: "run-limit", run: runLimit},
	{name: "run-timeout", run: runTimeout},
	{name: "run-cancel", run: runCancel},
	{name: "run-background", run: runBackground},
	{name: "run-at-once", run: runAtOnce},
}

func run(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	c := sh("cat; echo err >&2; exit 7")
	c.Stdin = strings.NewReader("in\n")
	r, err := s.Run(e.ctx, c)
	e.must(err)
	if string(r.Stdout) != "in\n" || string(r.Stderr) != "err\n" || r.Exit.Code != 7 || r.TimedOut || r.StdoutTruncated || r.Took <= 0 {
		e.Errorf("result = %+v", r)
	}
	var out strings.Builder
	c = sh("echo to; echo err >&2")
	c.Stdout = &out
	r, err = s.Run(e.ctx, c)
	e.must(err)
	if out.String() != "to\n" || len(r.Stdout) > 0 || string(r.Stderr) != "err\n" {
		e.Errorf("with a writer: %q, result %+v", out.String(), r)
	}
}

// runPlace holds directory, environment and user.
func runPlace(e *env) {
	e.tmpl.Env = []string{"A=template", "B=template"}
	s := e.create(vzsandbox.CreateOptions{})
	e.want(s, "pwd; echo $A$B; id -u", "/workspace\ntemplatetemplate\n0\n")
	c := sh("pwd; echo $A$B; id -u")
	c.Env, c.User, c.Dir = []string{"B=call"}, "app", "/tmp"
	r, err := s.Run(e.ctx, c)
	e.must(err)
	if got := string(r.Stdout); got != "/tmp\ntemplatecall\n1000\n" {
		e.Errorf("output = %q, %s", got, r.Stderr)
	}
	e.shell(s, "mkdir -p /workspace/sub/dir")
	c = sh("pwd")
	c.Dir = "sub/dir"
	r, err = s.Run(e.ctx, c)
	e.must(err)
	if got := string(r.Stdout); got != "/workspace/sub/dir\n" {
		e.Errorf("in a relative directory: %q", got)
	}
	e.tmpl.User, e.tmpl.Workspace = "app", "/home/app/project"
	e.want(e.create(vzsandbox.CreateOptions{}), "pwd; id -u; echo mine > file; cat file", "/home/app/project\n1000\nmine\n")
}

func runErrors(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	for _, tt := range []struct {
		what  string
		c     vzsandbox.Command
		class error
	}{
		{"no program", vzsandbox.Command{}, vzcontract.ErrValidation},
		{"a missing program", vzsandbox.Command{Args: []string{"nothing-of-that-name"}}, vzcontract.ErrNoSuchProgram},
		{"a directory as program", vzsandbox.Command{Args: []string{"/tmp"}}, vzcontract.ErrCannotExec},
		{"an unknown user", vzsandbox.Command{Args: []string{"true"}, User: "stranger"}, vzcontract.ErrValidation},
		{"a detached run", vzsandbox.Command{Args: []string{"true"}, Detach: true}, vzcontract.ErrValidation},
	} {
		_, err := s.Run(e.ctx, tt.c)
		e.wantClass(tt.what, err, tt.class)
	}
	e.want(s, "echo still", "still\n")
}

func runLimit(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	c := sh("printf 0123456789; printf abc >&2")
	c.OutputLimit = 4
	r, err := s.Run(e.ctx, c)
	e.must(err)
	if string(r.Stdout) != "0123" || !r.StdoutTruncated || string(r.Stderr) != "abc" || r.StderrTruncated || r.Exit.Code != 0 {
		e.Errorf("result = %+v", r)
	}
	c.OutputLimit = -1
	r, err = s.Run(e.ctx, c)
	e.must(err)
	if string(r.Stdout) != "0123456789" || r.StdoutTruncated {
		e.Errorf("without a limit: %+v", r)
	}
}

// tree starts a child that would go on, tells its number and waits for it.
const tree = "sleep 1000 & echo $! > /tmp/child; echo begun; echo so >&2; wait"

// wantDead fails if the child of tree lives. Until process 1 has taken its end, it is
// still there.
func (e *env) wantDead(s *vzsandbox.Sandbox) {
	e.Helper()
	c := sh("while kill -0 $(cat /tmp/child) 2>/dev/null; do sleep 0.01; done")
	c.Timeout = 20 * time.Second
	if _, err := s.Run(e.ctx, c); err != nil {
		e.Errorf("the child of a killed command lives: %v", err)
	}
}

func runTimeout(e *env) {
	e.tmpl.CommandTimeout = time.Second
	s := e.create(vzsandbox.CreateOptions{})
	r, err := s.Run(e.ctx, sh(tree))
	e.wantClass("run out of time", err, vzcontract.ErrTimeout)
	if !r.TimedOut || string(r.Stdout) != "begun\n" || string(r.Stderr) != "so\n" || r.Exit.Code != 137 {
		e.Errorf("result = %+v", r)
	}
	e.wantDead(s)
	c := sh("sleep 1.5; echo done")
	c.Timeout = -1
	if r, err = s.Run(e.ctx, c); err != nil || string(r.Stdout) != "done\n" {
		e.Errorf("without a limit: %+v, %v", r, err)
	}
}

func runCancel(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	c := sh(tree)
	var out strings.Builder
	c.Stdout = writer(func(b []byte) {
		out.Write(b)
		cancel()
	})
	r, err := s.Run(ctx, c)
	if !errors.Is(err, context.Canceled) || r.TimedOut || out.String() != "begun\n" || r.Exit.Code != 137 {
		e.Errorf("cancelled: %+v, %v, output %q", r, err, out.String())
	}
	e.wantDead(s)
}

// A writer is a function that gets what is written.
type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// runBackground leaves a program behind that goes on, and does not wait for it though it
// has the streams too.
func runBackground(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	e.want(s, "sleep 1000 & echo $! > /tmp/child; echo done", "done\n")
	e.shell(s, "kill -0 $(cat /tmp/child)")
}

// runAtOnce runs several commands at the same time, each with its own output.
func runAtOnce(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	const many = 8
	got := make(chan string, many)
	for i := range many {
		go func() {
			c := sh("read a; echo $a")
			c.Stdin = strings.NewReader(strings.Repeat("x", i+1) + "\n")
			r, err := s.Run(e.ctx, c)
			if err != nil {
				got <- err.Error()
				return
			}
			got <- string(r.Stdout)
		}()
	}
	seen := map[string]bool{}
	for range many {
		seen[<-got] = true
	}
	for i := range many {
		if !seen[strings.Repeat("x", i+1)+"\n"] {
			e.Errorf("outputs are %v", seen)
		}
	}
}
