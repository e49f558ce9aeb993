package vhostuser

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// muxes returns the host's and a guest's mux, joined by goroutines that carry
// packets of at most packetSize bytes.
func muxes(t *testing.T, packetSize int) (host, guest *mux) {
	t.Helper()
	host, guest = newMux(hostCID, 3), newMux(3, hostCID)
	host.attach()
	guest.attach()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	carry := func(from, to *mux) {
		defer func() { done <- struct{}{} }()
		p := make([]byte, packetSize)
		for {
			for n := from.next(p); n > 0; n = from.next(p) {
				to.receive(p[:n])
			}
			select {
			case <-from.work:
			case <-ctx.Done():
				return
			}
		}
	}
	go carry(host, guest)
	go carry(guest, host)
	t.Cleanup(func() {
		cancel()
		<-done
		<-done
		host.close()
		guest.close()
	})
	return host, guest
}

// connected returns the two ends of a connection that the host has opened.
func connected(t *testing.T, host, guest *mux) (*Conn, *Conn) {
	t.Helper()
	l, err := guest.listen(7)
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	h, err := host.dial(ctx, 7)
	require.NoError(t, err)
	g, err := l.Accept()
	require.NoError(t, err)
	return h, g.(*Conn)
}

func packet(h header, payload string) []byte {
	h.length = uint32(len(payload))
	p := make([]byte, headerSize, headerSize+len(payload))
	h.put(p)
	return append(p, payload...)
}

var _ net.Conn = (*Conn)(nil)
