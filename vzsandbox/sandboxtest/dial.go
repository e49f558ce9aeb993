package sandboxtest

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

var dialChecks = []check{
	{name: "dial", run: dial, needs: vzsandbox.AbilityDial},
	{name: "dial-in-use", run: dialInUse, needs: vzsandbox.AbilityDial},
	{name: "forward", run: forward, needs: vzsandbox.AbilityDial},
	{name: "forward-gone", run: forwardGone, needs: vzsandbox.AbilityDial},
}

// listen serves text to the first who connects to a port, and keeps what that one sends.
func (e *env) listen(s *vzsandbox.Sandbox, text string) {
	e.Helper()
	c := sh("echo " + text + " > /tmp/say; nc -l -p 7001 < /tmp/say > /tmp/got; echo ended > /tmp/end")
	c.Detach = true
	p, err := s.Start(e.ctx, c)
	e.must(err)
	e.must(p.Close())
}

// reach connects as soon as a program listens.
func (e *env) reach(s *vzsandbox.Sandbox) net.Conn {
	e.Helper()
	for {
		conn, err := s.Dial(e.ctx, 7001)
		if err == nil {
			return conn
		}
		if !errors.Is(err, vzcontract.ErrRefused) {
			e.Fatal(err)
		}
		<-time.After(5 * time.Millisecond) // nobody tells when a program listens
	}
}

// converse sends a text, ends what it sends and returns what came back.
func (e *env) converse(conn net.Conn, text string) string {
	e.Helper()
	_, err := io.WriteString(conn, text)
	e.must(err)
	e.must(conn.(interface{ CloseWrite() error }).CloseWrite())
	got, err := io.ReadAll(conn)
	e.must(err)
	e.must(conn.Close())
	return string(got)
}

func dial(e *env) {
	s := e.create(vzsandbox.CreateOptions{}) // its network is none
	_, err := s.Dial(e.ctx, 7001)
	e.wantClass("dial a port on which nothing listens", err, vzcontract.ErrRefused)
	_, err = s.Dial(e.ctx, 0)
	e.wantClass("dial port 0", err, vzcontract.ErrValidation)
	e.listen(s, "inside")
	if got := e.converse(e.reach(s), "outside"); got != "inside\n" {
		e.Errorf("got %q", got)
	}
	e.want(s, "until [ -e /tmp/end ]; do sleep 0.01; done; cat /tmp/got", "outside")
	e.must(s.Remove(e.ctx))
	_, err = s.Dial(e.ctx, 7001)
	e.wantClass("dial a sandbox that was removed", err, vzcontract.ErrNotFound)
}

// dialInUse: a connection is a use of the sandbox.
func dialInUse(e *env) {
	e.tmpl.IdleTimeout = 300 * time.Millisecond
	s := e.create(vzsandbox.CreateOptions{})
	e.listen(s, "inside")
	conn := e.reach(s)
	<-time.After(3 * e.tmpl.IdleTimeout)
	if got := e.converse(conn, ""); got != "inside\n" {
		e.Errorf("got %q", got)
	}
}

func forward(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.Forward(ctx, l, 7001) }()
	call := func(text string) string {
		conn, err := net.Dial("tcp", l.Addr().String())
		e.must(err)
		defer conn.Close()
		_, _ = io.WriteString(conn, text) // it may be closed: nothing listens
		_ = conn.(*net.TCPConn).CloseWrite()
		got, _ := io.ReadAll(conn)
		return string(got)
	}
	if got := call("x"); got != "" {
		e.Errorf("without a program that listens: %q", got)
	}
	e.listen(s, "inside")
	got := call("outside")
	for got == "" { // it does not listen yet
		got = call("outside")
	}
	if got != "inside\n" {
		e.Errorf("got %q", got)
	}
	e.want(s, "until [ -e /tmp/end ]; do sleep 0.01; done; cat /tmp/got", "outside")
	cancel()
	e.must(<-ended)
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = conn.Close()
		e.Error("it listens on after the end")
	}
}

// forwardGone: who forwards to a sandbox that is gone hears of it with the next
// connection.
func forwardGone(e *env) {
	s := e.create(vzsandbox.CreateOptions{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	e.must(err)
	ended := make(chan error, 1)
	go func() { ended <- s.Forward(e.ctx, l, 7001) }()
	e.must(s.Remove(e.ctx))
	conn, err := net.Dial("tcp", l.Addr().String())
	e.must(err)
	defer conn.Close()
	e.wantClass("forward", <-ended, vzcontract.ErrNotFound)
}
