package agentproto

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// A HandlerFunc is a Handler that is a function.
type HandlerFunc func(ctx context.Context, method string, body json.RawMessage) (any, error)

// Serve implements Handler.
func (f HandlerFunc) Serve(ctx context.Context, method string, body json.RawMessage) (any, error) {
	return f(ctx, method, body)
}

// Listen serves a control connection on each connection of l until that is
// closed. Connections end with ctx.
func Listen(ctx context.Context, l net.Listener, hello Hello, handler Handler) {
	each(ctx, l, func(conn net.Conn) {
		head, err := ReadHead(ctx, conn)
		if err == nil {
			var s *Server
			if s, err = Accept(ctx, conn, head, hello); err == nil {
				_ = s.Run(ctx, handler) // the peer has gone
				return
			}
		}
		_ = conn.Close()
	})
}

// Forward splices each connection of l with one that dial makes, until l is
// closed.
func Forward(ctx context.Context, l net.Listener, dial func(context.Context) (Conn, error)) {
	each(ctx, l, func(conn net.Conn) { Splice(ctx, conn, dial) })
}

// acceptPause is how long no connection is taken when there are no descriptors left.
const acceptPause = 50 * time.Millisecond

func each(ctx context.Context, l net.Listener, serve func(net.Conn)) {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			go serve(conn)
		case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE): // which passes
			select {
			case <-ctx.Done():
				return
			case <-time.After(acceptPause):
			}
		default:
			return
		}
	}
}

// Splice copies both ways between near and what dial makes until both ways have
// ended, each with an end of its own, or ctx does. It closes both. near must be
// a Conn, as those of TCP and Unix sockets are.
func Splice(ctx context.Context, near net.Conn, dial func(context.Context) (Conn, error)) {
	a, ok := near.(Conn)
	b, err := dial(ctx)
	if !ok || err != nil {
		_ = near.Close()
		if err == nil {
			_ = b.Close()
		}
		return
	}
	stop := context.AfterFunc(ctx, func() {
		_ = a.Close()
		_ = b.Close()
	})
	defer stop()
	var wait sync.WaitGroup
	one := func(to, from Conn) {
		_, err := io.Copy(to, from)
		if err == nil {
			err = to.CloseWrite()
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
		}
	}
	wait.Go(func() { one(a, b) })
	wait.Go(func() { one(b, a) })
	wait.Wait()
	_ = a.Close()
	_ = b.Close()
}
