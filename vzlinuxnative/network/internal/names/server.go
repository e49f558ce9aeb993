package names

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Zone is what a container may know. It is called from many goroutines.
type Zone interface {
	// Lookup returns the addresses of a name in lower case without a dot at
	// its end; known is false when no container has it.
	Lookup(name string) (addresses []netip.Addr, known bool)
	// Reverse returns the names of an address; mine is false when it is none
	// of the container's networks.
	Reverse(a netip.Addr) (names []string, mine bool)
	// Upstream lists the resolvers for all other questions; none refuses them.
	Upstream() []netip.AddrPort
}

const (
	ttl            = 10 // seconds; short, as containers come and go
	maxForward     = 256
	maxConnections = 64
	idleTimeout    = 8 * time.Second // of a connection; see RFC 7766, 6.2.3
	maxMessage     = 65535
)

// A Server answers on sockets that are given to it.
type Server struct {
	zone    Zone
	guard   Guard // nil for none
	asked   bucket
	udp     net.PacketConn
	tcp     net.Listener
	work    sync.WaitGroup
	turn    atomic.Uint32
	forward chan struct{} // holds a token for each forwarded question
	stop    context.CancelFunc

	mu     sync.Mutex
	closed bool                  // guarded by mu
	conns  map[net.Conn]struct{} // guarded by mu
}

// Serve answers questions from udp and tcp until Close, which closes them. guard may
// be nil.
func Serve(udp net.PacketConn, tcp net.Listener, zone Zone, guard Guard) *Server {
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{zone: zone, guard: guard, udp: udp, tcp: tcp, forward: make(chan struct{}, maxForward), stop: stop, conns: map[net.Conn]struct{}{}}
	s.work.Go(func() { s.packets(ctx) })
	s.work.Go(func() { s.accept(ctx) })
	return s
}

// Close ends the server, and what is being forwarded.
func (s *Server) Close() error {
	s.stop()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	err := errors.Join(s.udp.Close(), s.tcp.Close())
	s.work.Wait()
	return err
}

// packets answers what comes by UDP.
func (s *Server) packets(ctx context.Context) {
	buf := make([]byte, maxPacket)
	for {
		n, from, err := s.udp.ReadFrom(buf)
		if err != nil {
			if !pause(ctx) {
				return
			}
			continue
		}
		s.packet(ctx, append([]byte(nil), buf[:n]...), from)
	}
}

// packet answers at once what the zone knows; what is forwarded takes its time.
func (s *Server) packet(ctx context.Context, msg []byte, from net.Addr) {
	q, ok := parse(msg)
	if !ok {
		return
	}
	send := func(answer []byte) { _, _ = s.udp.WriteTo(q.truncate(answer), from) } // the client asks again
	if answer := s.answer(q); answer != nil {
		send(answer)
		return
	}
	s.work.Go(func() { send(s.ask(ctx, q, "udp")) })
}

// pause waits a little after an error of a socket. It returns false when the
// server is closed.
func pause(ctx context.Context) bool {
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
