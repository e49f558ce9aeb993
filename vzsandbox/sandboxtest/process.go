package sandboxtest

import (
	"bufio"
	"io"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

var processChecks = []check{
	{name: "start-stream", run: startStream},
	{name: "start-terminal", run: startTerminal},
	{name: "start-signal", run: startSignal},
	{name: "start-close", run: startClose},
	{name: "start-detach", run: startDetach},
}

// startStream talks with a program while it runs.
func startStream(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := sh("while read line; do echo got $line; done; exit 4")
	c.Stdin, c.Stdout = inR, outW
	p, err := s.Start(e.ctx, c)
	e.must(err)
	defer func() { e.must(p.Close()) }()
	out := bufio.NewReader(outR)
	for _, word := range []string{"one", "two"} {
		_, err := io.WriteString(inW, word+"\n")
		e.must(err)
		line, err := out.ReadString('\n')
		if err != nil || line != "got "+word+"\n" {
			e.Fatalf("answer = %q, %v", line, err)
		}
	}
	e.must(inW.Close())
	exit, err := p.Wait(e.ctx)
	if err != nil || exit.Code != 4 {
		e.Errorf("exit = %+v, %v", exit, err)
	}
	if p.ID() == "" {
		e.Error("a process has no id")
	}
}

func startTerminal(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := sh("stty size; read x; stty size")
	c.Stdin, c.Stdout, c.TTY, c.Size = inR, outW, true, vzcontract.TermSize{Rows: 10, Cols: 20}
	p, err := s.Start(e.ctx, c)
	e.must(err)
	defer func() { e.must(p.Close()) }()
	out := bufio.NewReader(outR)
	await := func(want string) {
		e.Helper()
		for {
			line, err := out.ReadString('\n')
			e.must(err)
			if strings.TrimSpace(line) == want {
				return
			}
		}
	}
	await("10 20")
	e.must(p.Resize(e.ctx, vzcontract.TermSize{Rows: 30, Cols: 40}))
	go func() { _, _ = io.WriteString(inW, "\n") }() // read by the program, or closed at the end
	await("30 40")
	_ = inW.Close() // always nil
	if exit, err := p.Wait(e.ctx); err != nil || exit.Code != 0 {
		e.Errorf("exit = %+v, %v", exit, err)
	}
}

// ready is a program that catches TERM once it has said so.
const ready = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done"

// begin starts a program and returns when it has written a line.
func (e *env) begin(s *vzsandbox.Sandbox, line string) (*vzsandbox.Process, *bufio.Reader) {
	e.Helper()
	r, w := io.Pipe()
	c := sh(line)
	c.Stdout = w
	p, err := s.Start(e.ctx, c)
	e.must(err)
	out := bufio.NewReader(r)
	_, err = out.ReadString('\n')
	e.must(err)
	return p, out
}

func startSignal(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	p, out := e.begin(s, ready)
	e.must(p.Signal(e.ctx, "TERM"))
	if line, err := out.ReadString('\n'); err != nil || line != "caught\n" {
		e.Errorf("after the signal: %q, %v", line, err)
	}
	if exit, err := p.Wait(e.ctx); err != nil || exit.Code != 9 {
		e.Errorf("exit = %+v, %v", exit, err)
	}
	e.must(p.Close())
	p, _ = e.begin(s, tree)
	e.must(p.Kill(e.ctx))
	if exit, err := p.Wait(e.ctx); err != nil || exit.Code != 137 {
		e.Errorf("exit of a killed one = %+v, %v", exit, err)
	}
	e.must(p.Close())
	e.wantDead(s)
}

// startClose kills what runs.
func startClose(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	p, _ := e.begin(s, tree)
	e.must(p.Close())
	e.must(p.Close())
	e.wantDead(s)
}

// startDetach leaves what runs.
func startDetach(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	c := sh("echo $$ > /tmp/fresh; mv /tmp/fresh /tmp/child; exec sleep 1000")
	if _, err := s.Stat(e.ctx, "/bin/mv"); err != nil {
		c = sh("echo $$ > /tmp/child; exec sleep 1000")
	}
	c.Detach = true
	p, err := s.Start(e.ctx, c)
	e.must(err)
	e.must(p.Close())
	e.shell(s, "while ! test -s /tmp/child; do sleep 0.01; done; kill -0 $(cat /tmp/child)")
}
