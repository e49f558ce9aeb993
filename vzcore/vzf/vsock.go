package vzf

import (
	"context"
	"fmt"
	"net"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
)

// The context ids of every machine.
const (
	hostCID  = 2
	guestCID = 3
)

// An address is one end of a connection.
type address struct{ cid, port uint32 }

// Network implements net.Addr.
func (address) Network() string { return "vsock" }

// String implements net.Addr.
func (a address) String() string { return fmt.Sprintf("vsock:%d:%d", a.cid, a.port) }

// Dial implements vzcore.Machine. A connection that comes about after ctx has ended is
// closed.
func (m *machine) Dial(ctx context.Context, port uint32) (vzcore.Conn, error) {
	r, err := m.present()
	if err != nil {
		return nil, err
	}
	type answer struct {
		conn vzcore.Conn
		err  error
	}
	answers, late := make(chan answer), make(chan struct{})
	go func() {
		conn, err := r.guest.connect(port)
		select {
		case answers <- answer{conn, err}:
		case <-late:
			if err == nil {
				_ = conn.Close()
			}
		}
	}()
	doing := fmt.Sprintf("connect to port %d of the guest", port)
	select {
	case a := <-answers:
		if a.err != nil {
			return nil, explain(doing, a.err)
		}
		return a.conn, nil
	case <-r.ended:
		close(late)
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "%s: the virtual machine has ended", doing)
	case <-ctx.Done():
		close(late)
		return nil, fmt.Errorf("%s: %w", doing, ctx.Err())
	}
}

// backlog is how many connections of the guest may wait to be accepted.
const backlog = 64

// A listener accepts connections of the guest to one port of the host, in whatever run.
type listener struct {
	machine *machine
	port    uint32
	conns   chan net.Conn
	done    chan struct{}
	once    sync.Once
	inner   net.Listener // guarded by machine.mu: the present run's, or nil
}

// Listen implements vzcore.Machine.
func (m *machine) Listen(port uint32) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listeners[port] != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "port %d of the host is listened to", port)
	}
	l := &listener{machine: m, port: port, conns: make(chan net.Conn, backlog), done: make(chan struct{})}
	if r := m.run; r != nil && !r.over() {
		if err := l.attach(r); err != nil {
			return nil, err
		}
	}
	m.listeners[port] = l
	return l, nil
}

// attach has the guest of a run connect to l. The caller holds machine.mu.
func (l *listener) attach(r *run) error {
	inner, err := r.guest.listen(l.port)
	if err != nil {
		return explain(fmt.Sprintf("listen to port %d of the host", l.port), err)
	}
	l.inner = inner
	go l.carry(inner, r.ended)
	return nil
}

// carry is the only one that accepts. It may stay in Accept after the end: the
// framework's never returns without a connection.
func (l *listener) carry(inner net.Listener, ended <-chan struct{}) {
	for {
		conn, err := inner.Accept()
		if err != nil {
			return
		}
		select {
		case <-l.done:
			_ = conn.Close()
			return
		case <-ended:
			_ = conn.Close()
			return
		default:
		}
		select {
		case l.conns <- conn:
		default: // a guest cannot make the host keep more
			_ = conn.Close()
		}
	}
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "vsock", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close implements net.Listener. Connections that wait to be accepted are ended.
func (l *listener) Close() (err error) {
	l.once.Do(func() {
		m := l.machine
		m.mu.Lock()
		delete(m.listeners, l.port)
		inner := l.inner
		m.mu.Unlock()
		close(l.done)
		if inner != nil {
			err = inner.Close()
		}
		for {
			select {
			case c := <-l.conns:
				_ = c.Close()
			default:
				return
			}
		}
	})
	return err
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return address{hostCID, l.port} }
