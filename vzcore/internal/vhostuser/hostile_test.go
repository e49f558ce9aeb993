package vhostuser

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// alone returns the host's mux with a guest that only the test speaks for, and an
// open connection from the guest's port 1 to the host's port 5.
func alone(t *testing.T) (*mux, header, *Conn) {
	t.Helper()
	m := newMux(hostCID, 3)
	m.attach()
	l, err := m.listen(5)
	require.NoError(t, err)
	h := header{srcCID: 3, dstCID: hostCID, srcPort: 1, dstPort: 5, kind: typeStream, op: opRequest, alloc: 1000}
	m.receive(packet(h, ""))
	c, err := l.Accept()
	require.NoError(t, err)
	require.Equal(t, []uint16{opResponse}, sent(m))
	h.op = opData
	return m, h, c.(*Conn)
}

// sent returns the operations of all packets that wait for the guest.
func sent(m *mux) []uint16 {
	var ops []uint16
	p := make([]byte, headerSize+maxPayload)
	for n := m.next(p); n > 0; n = m.next(p) {
		h, _ := parseHeader(p[:n])
		ops = append(ops, h.op)
	}
	return ops
}

func TestHostilePackets(t *testing.T) {
	long := strings.Repeat("x", maxPayload)
	tests := []struct {
		name  string
		send  func(m *mux, h header)
		ops   []uint16
		alive bool
	}{
		{"short", func(m *mux, h header) { m.receive(packet(h, "")[:headerSize-1]) }, nil, true},
		{"longer than it is", func(m *mux, h header) { p := packet(h, "abc"); m.receive(p[:len(p)-1]) }, nil, true},
		{"of another guest", func(m *mux, h header) { h.srcCID = 4; m.receive(packet(h, "a")) }, nil, true},
		{"for another host", func(m *mux, h header) { h.dstCID = 1; m.receive(packet(h, "a")) }, nil, true},
		{"seqpacket", func(m *mux, h header) { h.kind = 2; m.receive(packet(h, "a")) }, []uint16{opReset}, true},
		{"unknown operation", func(m *mux, h header) { h.op = 99; m.receive(packet(h, "")) }, []uint16{opReset}, false},
		{"operation 0", func(m *mux, h header) { h.op = 0; m.receive(packet(h, "")) }, []uint16{opReset}, false},
		{"an answer nobody asked for", func(m *mux, h header) { h.op = opResponse; m.receive(packet(h, "")) }, []uint16{opReset}, false},
		{"a second request", func(m *mux, h header) { h.op = opRequest; m.receive(packet(h, "")) }, []uint16{opReset}, false},
		{"a reset for nobody", func(m *mux, h header) { h.srcPort = 77; h.op = opReset; m.receive(packet(h, "")) }, nil, true},
		{"data for nobody", func(m *mux, h header) { h.srcPort = 77; m.receive(packet(h, "a")) }, []uint16{opReset}, true},
		{"more than its credit", func(m *mux, h header) {
			for range bufferSize/maxPayload + 1 {
				m.receive(packet(h, long))
			}
		}, []uint16{opReset}, false},
		{"data after its end", func(m *mux, h header) {
			end := h
			end.op, end.flags = opShutdown, shutSend
			m.receive(packet(end, ""))
			m.receive(packet(h, "a"))
		}, []uint16{opReset}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, h, c := alone(t)
			tt.send(m, h)
			require.Equal(t, tt.ops, sent(m))
			m.mu.Lock()
			defer m.mu.Unlock()
			require.Equal(t, tt.alive, m.conns[c.key] == c)
			require.LessOrEqual(t, len(c.in), bufferSize)
		})
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	m, h, _ := alone(t)
	h.op = opRequest
	for i := range 10 * maxConns {
		h.srcPort = uint32(100 + i)
		m.receive(packet(h, ""))
	}
	// Nobody accepts, so the backlog is the limit; all others are refused, as far
	// as refusals are kept.
	require.Len(t, m.conns, 1+maxBacklog)
	require.Len(t, m.resets, maxResets)
	for len(m.conns) < maxConns {
		m.conns[key{9, uint32(len(m.conns))}] = newConn(m, key{})
	}
	_, err := m.dial(t.Context(), 1)
	require.ErrorIs(t, err, syscall.EMFILE)
}

// TestCreditOfAHostileGuest shows that no claim of credit makes the host send what
// it has not, or wrap.
func TestCreditOfAHostileGuest(t *testing.T) {
	for _, credit := range []struct{ alloc, forwarded uint32 }{{0, 0}, {0, 1 << 31}, {1 << 31, 1<<32 - 1}, {1<<32 - 1, 5}} {
		m, h, c := alone(t)
		h.op, h.alloc, h.forwarded = opCreditUpdate, credit.alloc, credit.forwarded
		m.receive(packet(h, ""))
		wrote := make(chan int, 1)
		go func() {
			n, _ := c.Write(make([]byte, 100))
			wrote <- n
		}()
		<-m.work
		total := 0
		p := make([]byte, headerSize+maxPayload)
		for n := m.next(p); n > 0; n = m.next(p) {
			total += n - headerSize
		}
		require.LessOrEqual(t, total, 100)
		require.NoError(t, c.Close())
		require.Equal(t, total, <-wrote)
	}
}

func FuzzPackets(f *testing.F) {
	base := header{srcCID: 3, dstCID: hostCID, srcPort: 1, dstPort: 5, kind: typeStream, alloc: 1000}
	for op := uint16(0); op < 9; op++ {
		base.op, base.flags = op, uint32(op)
		f.Add(packet(base, "payload"))
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		m, h, c := alone(t)
		h.op = opData
		// The bytes are packets one after the other, as long as they say.
		for len(wire) >= headerSize {
			n := min(len(wire), headerSize+int(le.Uint32(wire[24:])%100))
			m.receive(wire[:n])
			wire = wire[n:]
			m.receive(packet(h, "x"))
		}
		p := make([]byte, headerSize+maxPayload)
		for range 10 * maxResets {
			if m.next(p) == 0 {
				break
			}
		}
		if m.pending() {
			t.Error("a guest has the host send without end")
		}
		if len(c.in) > bufferSize || len(m.conns) > maxConns || len(m.resets) > maxResets {
			t.Error("a bound was passed")
		}
		m.close()
		if len(m.conns) != 0 {
			t.Error("connections outlive the mux")
		}
	})
}
