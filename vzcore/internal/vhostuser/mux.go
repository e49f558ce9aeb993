package vhostuser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// What one guest may take of the host.
const (
	// bufferSize is how much of a connection is buffered for its reader: the
	// credit that the guest gets.
	bufferSize = 256 << 10
	// maxConns is how many connections there are at once.
	maxConns = 1024
	// maxResets is how many refusals wait to be sent; more are dropped.
	maxResets = 256
	// maxBacklog is how many connections wait to be accepted per listener.
	maxBacklog = 128
)

// closeTime is how long the guest may take to agree to the end of a connection.
const closeTime = 8 * time.Second

// ephemeral is the first port of connections that the host opens.
const ephemeral = 1 << 30

type key struct{ local, peer uint32 }

// A mux has the connections between local, which is the host, and one guest. One
// lock guards all of them: what is done under it is short.
type mux struct {
	local, peer uint64 // context ids

	mu        sync.Mutex
	conns     map[key]*Conn        // guarded by mu
	listeners map[uint32]*Listener // guarded by mu
	ready     []*Conn              // guarded by mu: have something to send, each once
	resets    []header             // guarded by mu
	nextPort  uint32               // guarded by mu
	attached  bool                 // guarded by mu: a guest is there
	closed    bool                 // guarded by mu
	arrival   chan struct{}        // guarded by mu: closed when a guest attaches

	work chan struct{} // capacity 1: something is ready to send
}

func newMux(local, peer uint64) *mux {
	return &mux{
		local: local, peer: peer, conns: map[key]*Conn{}, listeners: map[uint32]*Listener{}, nextPort: ephemeral,
		arrival: make(chan struct{}), work: make(chan struct{}, 1),
	}
}

func (m *mux) wake() {
	select {
	case m.work <- struct{}{}:
	default:
	}
}

// m.mu must be held.
func (m *mux) enqueue(c *Conn) {
	if !c.queued {
		c.queued = true
		m.ready = append(m.ready, c)
		m.wake()
	}
}

// receive takes one packet from the guest. p is the host's own copy.
func (m *mux) receive(p []byte) {
	h, ok := parseHeader(p)
	if !ok || h.srcCID != m.peer || h.dstCID != m.local {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	k := key{local: h.dstPort, peer: h.srcPort}
	if h.kind != typeStream {
		m.refuse(k, h.kind)
		return
	}
	c := m.conns[k]
	if c == nil {
		if h.op == opRequest && m.accept(k, h) {
			return
		}
		if h.op != opReset {
			m.refuse(k, typeStream)
		}
		return
	}
	c.receive(h, p[headerSize:headerSize+int(h.length)])
}

// refuse answers for a connection that does not exist. m.mu must be held.
func (m *mux) refuse(k key, kind uint16) {
	if len(m.resets) >= maxResets {
		return
	}
	h := m.header(k, opReset)
	h.kind = kind
	m.resets = append(m.resets, h)
	m.wake()
}

func (m *mux) header(k key, op uint16) header {
	return header{srcCID: m.local, dstCID: m.peer, srcPort: k.local, dstPort: k.peer, kind: typeStream, op: op}
}

// accept makes a connection that the guest asks for, if somebody listens. m.mu
// must be held.
func (m *mux) accept(k key, h header) bool {
	l := m.listeners[k.local]
	if l == nil || len(m.conns) >= maxConns {
		return false
	}
	c := newConn(m, k)
	c.open = true
	c.peerAlloc, c.peerForwarded = h.alloc, h.forwarded
	select {
	case l.backlog <- c:
	default:
		return false
	}
	m.conns[k] = c
	c.respond = true
	m.enqueue(c)
	return true
}

// dial opens a connection to the guest's port.
func (m *mux) dial(ctx context.Context, port uint32) (*Conn, error) {
	fail := func(err error) (*Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "vsock", Addr: Addr{m.peer, port}, Err: err}
	}
	if err := m.await(ctx); err != nil {
		return fail(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.conns) >= maxConns {
		return fail(fmt.Errorf("%d connections are open: %w", maxConns, syscall.EMFILE))
	}
	k := key{local: m.freePort(port), peer: port}
	c := newConn(m, k)
	c.request = true
	m.conns[k] = c
	m.enqueue(c)
	stop := context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !c.open {
			c.reset(ctx.Err())
		}
	})
	defer stop()
	for !c.open && c.err == nil {
		c.cond.Wait()
	}
	if c.err != nil {
		return fail(c.err)
	}
	return c, nil
}

// freePort returns a local port that is not in use with peer. m.mu must be held.
func (m *mux) freePort(peer uint32) uint32 {
	for {
		m.nextPort++
		if m.nextPort < ephemeral {
			m.nextPort = ephemeral
		}
		if m.conns[key{m.nextPort, peer}] == nil && m.listeners[m.nextPort] == nil {
			return m.nextPort
		}
	}
}

// await returns when a guest is attached.
func (m *mux) await(ctx context.Context) error {
	for {
		m.mu.Lock()
		attached, closed, arrival := m.attached, m.closed, m.arrival
		m.mu.Unlock()
		switch {
		case closed:
			return net.ErrClosed
		case attached:
			return nil
		}
		select {
		case <-arrival:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (m *mux) listen(port uint32) (*Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, net.ErrClosed
	}
	if m.listeners[port] != nil {
		return nil, &net.OpError{Op: "listen", Net: "vsock", Addr: Addr{m.local, port}, Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	l := &Listener{mux: m, port: port, backlog: make(chan *Conn, maxBacklog), done: make(chan struct{})}
	m.listeners[port] = l
	return l, nil
}

// attach lets connections be made. pause has them wait until the guest goes on, which
// a machine that is paused does; detach ends those that there are.
func (m *mux) attach() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.attached {
		m.attached = true
		close(m.arrival)
	}
}

var errDetached = errors.New("the guest's vsock device has gone")

func (m *mux) pause() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.attached {
		m.attached = false
		m.arrival = make(chan struct{})
	}
}

func (m *mux) detach() {
	m.pause()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		c.fail(fmt.Errorf("%w: %w", errDetached, io.ErrUnexpectedEOF))
	}
	m.ready, m.resets = nil, nil
}

// close ends everything for good.
func (m *mux) close() {
	m.detach()
	m.mu.Lock()
	listeners := m.listeners
	m.listeners = map[uint32]*Listener{}
	if !m.closed {
		m.closed = true
		close(m.arrival)
	}
	m.mu.Unlock()
	for _, l := range listeners {
		_ = l.Close()
	}
}
