package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"strings"

	"vz.internal/vzcontract"
)

var stdioChecks = []check{
	{name: "stdio-apart", run: stdioApart},
	{name: "stdio-bulk", run: stdioBulk},
	{name: "stdin-closed", run: stdinClosed},
	{name: "stdin-once", run: stdinOnce},
	{name: "write-to-closed-stdin", run: writeToClosedStdin},
	{name: "attach", run: attach},
	{name: "attach-two", run: attachTwo},
	{name: "detach", run: detach},
	{name: "attachment-signal", run: attachmentSignal},
	{name: "tty", run: tty},
	{name: "tty-input", run: ttyInput},
	{name: "tty-resize", run: ttyResize},
}

func stdioApart(e *env) {
	r := e.run(e.config("sh", "-c", "echo out; echo err >&2; printf tail; printf last >&2"), nil)
	if r.stdout != "out\ntail" || r.stderr != "err\nlast" {
		e.Errorf("stdout %q, stderr %q, want out tail and err last", r.stdout, r.stderr)
	}
}

// bulk is how much goes through cat.
const bulk = 100 << 20

// stdioBulk sends 100 MB through cat and compares.
func stdioBulk(e *env) {
	source := io.LimitReader(rand.NewChaCha8([32]byte{1}), bulk)
	sent, got := sha256.New(), sha256.New()
	cfg := e.config("cat")
	cfg.OpenStdin, cfg.StdinOnce = true, true
	cfg.Log.Driver = "none"
	info := e.create(cfg)
	counter := &countingWriter{w: got}
	a, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{
		Stdio: vzcontract.Stdio{In: io.TeeReader(source, sent), Out: counter},
	}})
	if err != nil {
		e.Fatal(err)
	}
	exit, err := a.Wait(e.ctx)
	if err != nil || exit.Code != 0 {
		e.Fatalf("wait = %+v, %v", exit, err)
	}
	if counter.n != bulk || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		e.Errorf("%d of %d bytes came back, equal %v", counter.n, bulk, bytes.Equal(sent.Sum(nil), got.Sum(nil)))
	}
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// stdinClosed: without OpenStdin the workload reads the end at once.
func stdinClosed(e *env) {
	if r := e.run(e.config("sh", "-c", "cat; echo end"), nil); r.stdout != "end\n" {
		e.Errorf("cat without stdin gave %q, want end", r.stdout)
	}
}

func stdinOnce(e *env) {
	r := e.run(e.config("sh", "-c", "read a; cat; echo $a"), strings.NewReader("first\nrest\n"))
	if r.stdout != "rest\nfirst\n" || r.exit.Code != 0 {
		e.Errorf("stdin gave %q, exit %+v", r.stdout, r.exit)
	}
}

// writeToClosedStdin writes to a workload that does not read any more.
func writeToClosedStdin(e *env) {
	r := e.run(e.config("sh", "-c", "exec < /dev/null; echo done"), strings.NewReader(strings.Repeat("x", 1<<20)))
	if r.stdout != "done\n" || r.exit.Code != 0 {
		e.Errorf("workload that closed its stdin gave %q, %+v", r.stdout, r.exit)
	}
}

// attach joins a running container and leaves with its exit.
func attach(e *env) {
	cfg := e.config("sh", "-c", "echo ready; read a; echo got $a; exit 4")
	cfg.OpenStdin = true
	info := e.start(cfg)
	e.awaitLine(info.ID, "ready")
	in, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	var out locked
	out.changed = make(chan struct{})
	a, err := e.b.Attach(e.ctx, info.ID, vzcontract.AttachOptions{Stdio: vzcontract.Stdio{In: in, Out: &out}})
	if err != nil {
		e.Fatal(err)
	}
	if _, err := io.WriteString(feed, "this\n"); err != nil {
		e.Fatal(err)
	}
	exit, err := a.Wait(e.ctx)
	if err != nil || exit.Code != 4 || !strings.Contains(out.text(), "got this\n") {
		e.Errorf("wait = %+v, %v, output %q", exit, err, out.text())
	}
}

func attachTwo(e *env) {
	cfg := e.config("sh", "-c", "echo ready; read a; echo both")
	cfg.OpenStdin = true
	info := e.start(cfg)
	e.awaitLine(info.ID, "ready")
	in, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	first, second := newLocked(), newLocked()
	a, err := e.b.Attach(e.ctx, info.ID, vzcontract.AttachOptions{Stdio: vzcontract.Stdio{In: in, Out: first}})
	if err != nil {
		e.Fatal(err)
	}
	b, err := e.b.Attach(e.ctx, info.ID, vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: second}})
	if err != nil {
		e.Fatal(err)
	}
	if _, err := io.WriteString(feed, "go\n"); err != nil {
		e.Fatal(err)
	}
	for i, at := range []vzcontract.Attachment{a, b} {
		if _, err := at.Wait(e.ctx); err != nil {
			e.Errorf("wait %d: %v", i, err)
		}
	}
	if !strings.Contains(first.text(), "both\n") || !strings.Contains(second.text(), "both\n") {
		e.Errorf("the attached got %q and %q, want both in each", first.text(), second.text())
	}
}

// detach closes an attachment: the workload goes on.
func detach(e *env) {
	info := e.create(e.config(untilKilled...))
	out := newLocked()
	a, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: out}}})
	if err != nil {
		e.Fatal(err)
	}
	out.until(e, "ready\n")
	if err := a.Close(); err != nil {
		e.Errorf("close: %v", err)
	}
	if _, err := a.Wait(e.ctx); err == nil {
		e.Error("wait on a closed attachment succeeded, though the workload runs")
	}
	e.wantState(info.ID, vzcontract.StateRunning)
	// Cancelling a wait leaves it running too.
	b, err := e.b.Attach(e.ctx, info.ID, vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: io.Discard}})
	if err != nil {
		e.Fatal(err)
	}
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	if _, err := b.Wait(ctx); err == nil {
		e.Error("a cancelled wait succeeded")
	}
	if err := b.Close(); err != nil {
		e.Errorf("close: %v", err)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func attachmentSignal(e *env) {
	info := e.create(e.config(untilKilled...))
	out := newLocked()
	a, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: out}}})
	if err != nil {
		e.Fatal(err)
	}
	out.until(e, "ready\n")
	e.wantClass("unknown signal", a.Signal(e.ctx, "NOPE"), vzcontract.ErrValidation)
	if err := a.Signal(e.ctx, "TERM"); err != nil {
		e.Fatal(err)
	}
	if exit, err := a.Wait(e.ctx); err != nil || exit.Code != 7 {
		e.Errorf("wait after a signal = %+v, %v, want 7", exit, err)
	}
}

// tty gives the workload a terminal: output in one stream with CR LF.
func tty(e *env) {
	cfg := e.config("sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo terminal; stty size; echo err >&2")
	cfg.TTY = true
	info := e.create(cfg)
	var out, errs bytes.Buffer
	a, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{
		Stdio: vzcontract.Stdio{Out: &out, Err: &errs}, Size: vzcontract.TermSize{Rows: 33, Cols: 101},
	}})
	if err != nil {
		e.Fatal(err)
	}
	if exit, err := a.Wait(e.ctx); err != nil || exit.Code != 0 {
		e.Fatalf("wait = %+v, %v, output %q", exit, err, out.String())
	}
	if want := "terminal\r\n33 101\r\nerr\r\n"; out.String() != want || errs.Len() != 0 {
		e.Errorf("terminal gave %q and on stderr %q, want %q and nothing", out.String(), errs.String(), want)
	}
	if r := e.run(e.config("sh", "-c", "test -t 0 || echo none"), nil); r.stdout != "none\n" {
		e.Errorf("without a terminal: %q", r.stdout)
	}
}

func (e *env) startTTY(args ...string) (id string, a vzcontract.Attachment, feed *io.PipeWriter, out *locked) {
	e.Helper()
	cfg := e.config(args...)
	cfg.TTY, cfg.OpenStdin = true, true
	info := e.create(cfg)
	in, feed := io.Pipe()
	e.Cleanup(func() { _ = feed.Close() })
	out = newLocked()
	a, err := e.b.Start(e.ctx, info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{
		Stdio: vzcontract.Stdio{In: in, Out: out}, Size: vzcontract.TermSize{Rows: 24, Cols: 80},
	}})
	if err != nil {
		e.Fatal(err)
	}
	return info.ID, a, feed, out
}

// ttyInput types into a terminal: a line, and ctrl-C.
func ttyInput(e *env) {
	_, a, feed, out := e.startTTY("sh", "-c", "trap 'echo interrupted; exit 9' INT; echo ready; read a; echo got $a; while :; do sleep 0.05; done")
	defer func() { _ = feed.Close() }()
	out.until(e, "ready")
	if _, err := io.WriteString(feed, "hello\r"); err != nil {
		e.Fatal(err)
	}
	out.until(e, "got hello\r\n")
	if _, err := feed.Write([]byte{3}); err != nil {
		e.Fatal(err)
	}
	if exit, err := a.Wait(e.ctx); err != nil || exit.Code != 9 || !strings.Contains(out.text(), "interrupted") {
		e.Errorf("wait after ctrl-C = %+v, %v, output %q, want 9", exit, err, out.text())
	}
}

func ttyResize(e *env) {
	_, a, feed, out := e.startTTY("sh", "-c", "echo ready; read a; stty size")
	defer func() { _ = feed.Close() }()
	out.until(e, "ready")
	if err := a.Resize(e.ctx, vzcontract.TermSize{Rows: 50, Cols: 132}); err != nil {
		e.Fatal(err)
	}
	if _, err := io.WriteString(feed, "\r"); err != nil {
		e.Fatal(err)
	}
	if _, err := a.Wait(e.ctx); err != nil || !strings.Contains(out.text(), "50 132\r\n") {
		e.Errorf("after a resize: %v, output %q, want 50 132", err, out.text())
	}
}
