package vhostuser

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// An Addr is one end of a connection.
type Addr struct {
	CID  uint64
	Port uint32
}

// Network implements net.Addr.
func (Addr) Network() string { return "vsock" }

// String implements net.Addr.
func (a Addr) String() string { return fmt.Sprintf("vsock:%d:%d", a.CID, a.Port) }

// A Conn is a connection with a program in the guest. It has half-close.
type Conn struct {
	mux *mux
	key key

	// All below is guarded by mux.mu.
	cond   *sync.Cond
	open   bool  // both sides agreed
	closed bool  // by Close
	err    error // why it is over, but for an orderly end

	in            []byte // arrived and unread
	inDone        bool   // the guest sends no more
	forwarded     uint32 // bytes read in all
	told          uint32 // forwarded as the guest knows it
	out           []byte // what a writer waits to get rid of
	outBusy       bool   // a writer has out
	outDone       bool   // the guest receives no more, or CloseWrite was called
	sent          uint32 // bytes sent in all
	peerAlloc     uint32
	peerForwarded uint32

	// What is to be sent apart from data, and whether the connection waits in
	// mux.ready.
	request, respond, credit bool
	shutdown                 uint32
	queued                   bool

	readEnd, writeEnd deadline
	linger            *time.Timer
}

func newConn(m *mux, k key) *Conn {
	c := &Conn{mux: m, key: k}
	c.cond = sync.NewCond(&m.mu)
	return c
}

// room is how much the guest takes now.
func (c *Conn) room() uint32 {
	if used := c.sent - c.peerForwarded; used < c.peerAlloc {
		return c.peerAlloc - used
	}
	return 0
}

// receive takes a packet of this connection. mux.mu must be held.
func (c *Conn) receive(h header, payload []byte) {
	c.peerAlloc, c.peerForwarded = h.alloc, h.forwarded
	switch h.op {
	case opResponse:
		if c.open || c.request {
			c.reset(syscall.ECONNRESET)
			return
		}
		c.open = true
	case opData:
		if len(c.in)+len(payload) > bufferSize || c.inDone || !c.open {
			c.reset(fmt.Errorf("the guest sent what it may not: %w", syscall.EPROTO))
			return
		}
		if !c.closed { // after Close nobody reads it
			c.in = append(c.in, payload...)
		}
	case opShutdown:
		c.inDone = c.inDone || h.flags&shutSend != 0
		c.outDone = c.outDone || h.flags&shutReceive != 0
		if h.flags&(shutSend|shutReceive) == shutSend|shutReceive {
			c.mux.refuse(c.key, typeStream)
			c.remove()
		}
	case opReset:
		if !c.open {
			c.err = syscall.ECONNREFUSED
		} else if !c.inDone && !c.closed {
			c.err = syscall.ECONNRESET
		}
		c.remove()
	case opCreditRequest:
		c.credit = true
		c.mux.enqueue(c)
	case opCreditUpdate:
	default:
		c.reset(syscall.EPROTO)
		return
	}
	if len(c.out) > 0 {
		c.mux.enqueue(c)
	}
	c.cond.Broadcast()
}

// next fills p with the next packet of the connection and returns its length, or 0
// if it has nothing to send. mux.mu must be held; p has room for a header and at
// least one byte.
func (c *Conn) next(p []byte) int {
	h := c.mux.header(c.key, 0)
	h.alloc, h.forwarded = bufferSize, c.forwarded
	switch {
	case c.request:
		c.request, h.op = false, opRequest
	case c.respond:
		c.respond, h.op = false, opResponse
	case len(c.out) > 0 && c.room() > 0 && c.open:
		n := min(len(c.out), int(min(c.room(), maxPayload)), len(p)-headerSize)
		copy(p[headerSize:], c.out[:n])
		c.out = c.out[n:]
		c.sent += uint32(n)
		h.op, h.length = opData, uint32(n)
		if len(c.out) == 0 {
			c.cond.Broadcast()
		}
	case c.credit:
		h.op = opCreditUpdate
	case c.shutdown != 0 && len(c.out) == 0:
		h.op, h.flags, c.shutdown = opShutdown, c.shutdown, 0
	default:
		return 0
	}
	c.credit, c.told = false, c.forwarded // every packet carries the credit
	h.put(p)
	return headerSize + int(h.length)
}

// more tells whether next has something. mux.mu must be held.
func (c *Conn) more() bool {
	return c.request || c.respond || c.credit || len(c.out) > 0 && c.room() > 0 && c.open || c.shutdown != 0 && len(c.out) == 0
}

// fail ends the connection without a word to the guest. mux.mu must be held.
func (c *Conn) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.remove()
}

// reset ends the connection and tells the guest. mux.mu must be held.
func (c *Conn) reset(err error) {
	c.mux.refuse(c.key, typeStream)
	c.fail(err)
}

// remove forgets the connection; what has arrived can still be read. mux.mu must
// be held.
func (c *Conn) remove() {
	if c.mux.conns[c.key] == c {
		delete(c.mux.conns, c.key)
	}
	c.inDone, c.outDone = true, true
	c.request, c.respond, c.credit, c.shutdown = false, false, false, 0
	if c.linger != nil {
		c.linger.Stop()
	}
	c.cond.Broadcast()
}

// Read implements net.Conn.
func (c *Conn) Read(p []byte) (int, error) {
	c.mux.mu.Lock()
	defer c.mux.mu.Unlock()
	for len(c.in) == 0 {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case c.err != nil:
			return 0, c.err
		case c.inDone:
			return 0, io.EOF
		case c.readEnd.passed():
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		}
		c.cond.Wait()
	}
	n := copy(p, c.in)
	c.in = c.in[:copy(c.in, c.in[n:])]
	c.forwarded += uint32(n)
	if c.forwarded-c.told >= bufferSize/4 && !c.inDone {
		c.credit = true
		c.mux.enqueue(c)
	}
	return n, nil
}

// Write implements net.Conn. It returns when all of p is in the guest's memory.
func (c *Conn) Write(p []byte) (int, error) {
	c.mux.mu.Lock()
	defer c.mux.mu.Unlock()
	for c.outBusy {
		if err := c.writeError(); err != nil {
			return 0, err
		}
		c.cond.Wait()
	}
	if err := c.writeError(); err != nil || len(p) == 0 {
		return 0, err
	}
	c.out, c.outBusy = p, true
	defer func() {
		c.out, c.outBusy = nil, false
		c.cond.Broadcast()
	}()
	c.mux.enqueue(c)
	for len(c.out) > 0 {
		if err := c.writeError(); err != nil {
			return len(p) - len(c.out), err
		}
		c.cond.Wait()
	}
	return len(p), nil
}

// mux.mu must be held.
func (c *Conn) writeError() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.err != nil:
		return c.err
	case c.outDone:
		return syscall.EPIPE
	case c.writeEnd.passed():
		return os.ErrDeadlineExceeded
	}
	return nil
}

// CloseWrite tells the guest that nothing more will be sent.
func (c *Conn) CloseWrite() error {
	c.mux.mu.Lock()
	defer c.mux.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	if c.outDone {
		return nil
	}
	c.outDone = true
	c.shutdown |= shutSend
	c.mux.enqueue(c)
	c.cond.Broadcast()
	return nil
}

// Close implements net.Conn.
func (c *Conn) Close() error {
	c.mux.mu.Lock()
	defer c.mux.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.in = nil
	c.readEnd.stop()
	c.writeEnd.stop()
	c.cond.Broadcast()
	if c.mux.conns[c.key] != c {
		return nil
	}
	c.shutdown = shutSend | shutReceive
	c.mux.enqueue(c)
	c.linger = time.AfterFunc(closeTime, func() {
		c.mux.mu.Lock()
		defer c.mux.mu.Unlock()
		if c.mux.conns[c.key] == c {
			c.reset(syscall.ETIMEDOUT)
		}
	})
	return nil
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return Addr{c.mux.local, c.key.local} }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return Addr{c.mux.peer, c.key.peer} }
