package vzsandbox

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"vz.internal/vzcontract"
)

// Dial connects to a TCP port inside the sandbox, also without any network: to what
// listens on 127.0.0.1 there, else on ::1 or an address of its own. Nothing else can be
// reached so, whatever the sandbox's network is. ctx bounds the connecting. The sandbox is
// in use until the connection, which has a CloseWrite method, is closed.
//
// Errors are those of vzcontract.Dialer: ErrRefused where nothing listens. Without
// AbilityDial it is ErrUnsupported.
func (s *Sandbox) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	d, err := optional[vzcontract.Dialer](s.host, "ports", vzcontract.FeatureDial)
	if err != nil {
		return nil, failure("connect to", s.name, err)
	}
	done, err := s.use(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := d.DialPort(ctx, s.id, port)
	if err != nil {
		done()
		return nil, err
	}
	half, ok := conn.(halfCloser)
	if !ok {
		done()
		return nil, errors.Join(failure("connect to", s.name, errors.New("the backend's connection cannot end its sending side alone")), conn.Close())
	}
	return &dialed{halfCloser: half, done: sync.OnceFunc(done)}, nil
}

// A halfCloser can end its sending side alone.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// A dialed connection is a use of the sandbox until it is closed.
type dialed struct {
	halfCloser
	done func()
}

// Close implements net.Conn.
func (d *dialed) Close() error {
	err := d.halfCloser.Close()
	d.done()
	return err
}

// MaxForwarded is how many connections a Forward carries at once; more wait to be taken.
const MaxForwarded = 512

// Forward carries each connection that comes to l to a port of the sandbox, until ctx
// ends, l is closed or the sandbox is gone. A connection that cannot be carried on, since
// nothing listens there, is closed. It closes l, and returns when all connections are
// closed: nil at the end of ctx or l, ErrNotFound for a sandbox that is gone. Only
// connections are a use of the sandbox: between two its IdleTimeout counts.
func (s *Sandbox) Forward(ctx context.Context, l net.Listener, port uint16) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	closed := context.AfterFunc(ctx, func() { _ = l.Close() }) // Accept tells
	defer func() {
		if closed() {
			_ = l.Close() // it takes no more connections
		}
	}()
	if err := vzcontract.CheckPort(port); err != nil {
		return failure("forward to", s.name, err)
	}
	var work sync.WaitGroup
	places := make(chan struct{}, MaxForwarded)
	var failed error
	for {
		places <- struct{}{}
		client, err := accept(ctx, l)
		if err != nil {
			if ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				failed = failure("forward to", s.name, err)
			}
			break
		}
		work.Go(func() {
			defer func() { <-places }()
			if err := s.carry(ctx, client, port); errors.Is(err, vzcontract.ErrNotFound) || errors.Is(err, errRetired) {
				end(err)
			}
		})
	}
	if cause := context.Cause(ctx); errors.Is(cause, vzcontract.ErrNotFound) || errors.Is(cause, errRetired) {
		failed = cause
	}
	end(nil)
	work.Wait()
	return failed
}

// acceptPause is how long no connection is taken when there are no descriptors left.
const acceptPause = 50 * time.Millisecond

// accept takes the next connection. That there are no descriptors left for it passes.
func accept(ctx context.Context, l net.Listener) (net.Conn, error) {
	for {
		conn, err := l.Accept()
		if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(acceptPause):
		}
	}
}

// carry connects a client with a port, until both are done or ctx ends.
func (s *Sandbox) carry(ctx context.Context, client net.Conn, port uint16) error {
	defer client.Close()
	conn, err := s.Dial(ctx, port)
	if err != nil {
		s.host.log.DebugContext(ctx, "connection to a sandbox is closed", "id", s.id, "port", port, "error", err)
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() {
		_ = client.Close() // both ends are told so
		_ = conn.Close()
	})
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { pipe(conn, client) })
	both.Go(func() { pipe(client, conn) })
	both.Wait()
	return nil
}

// pipe copies until from ends, then ends to's receiving side. An error ends both.
func pipe(to, from net.Conn) {
	if _, err := io.Copy(to, from); err == nil {
		if half, ok := to.(halfCloser); ok && half.CloseWrite() == nil {
			return
		}
	}
	_ = to.Close()
	_ = from.Close()
}
