package vhostuser

import (
	"net"
	"sync"
)

// A Listener accepts connections that the guest opens to one of the host's ports.
type Listener struct {
	mux     *mux
	port    uint32
	backlog chan *Conn
	done    chan struct{}
	once    sync.Once
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.done:
		return nil, &net.OpError{Op: "accept", Net: "vsock", Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close implements net.Listener. Connections that wait to be accepted are ended.
func (l *Listener) Close() error {
	l.once.Do(func() {
		l.mux.mu.Lock()
		if l.mux.listeners[l.port] == l {
			delete(l.mux.listeners, l.port)
		}
		l.mux.mu.Unlock()
		close(l.done)
		for {
			select {
			case c := <-l.backlog:
				_ = c.Close()
			default:
				return
			}
		}
	})
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return Addr{l.mux.local, l.port} }
