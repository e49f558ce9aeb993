package fake

import (
	"context"
	"errors"
	"net"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
)

// connPair returns the ends of a connection with buffers and half-close: one of
// the loopback interface.
func connPair(ctx context.Context) (host, guest vzcore.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	var d net.Dialer
	a, err := d.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		return nil, nil, err
	}
	b, err := l.Accept()
	if err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	return a.(*net.TCPConn), b.(*net.TCPConn), nil
}

// A listener takes connections of the guest.
type listener struct {
	machine *Machine
	port    uint32
	conns   chan net.Conn
	done    chan struct{}
	once    sync.Once
}

// Listen implements vzcore.Machine.
func (m *Machine) Listen(port uint32) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listeners[port] != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "port %d is in use", port)
	}
	l := &listener{machine: m, port: port, conns: make(chan net.Conn), done: make(chan struct{})}
	m.listeners[port] = l
	return l, nil
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.machine.mu.Lock()
		delete(l.machine.listeners, l.port)
		l.machine.mu.Unlock()
		close(l.done)
	})
	return nil
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "fake", Net: "vsock"} }
