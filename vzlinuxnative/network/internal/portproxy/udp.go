package portproxy

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	sessionIdle = 90 * time.Second
	maxSessions = 4096 // of one port; more clients are not served
)

// sessions are the clients of a UDP port.
type sessions struct {
	mu sync.Mutex
	of map[netip.AddrPort]*net.UDPConn // guarded by mu
}

func (p *Port) serveUDP() {
	clients := &sessions{of: map[netip.AddrPort]*net.UDPConn{}}
	buf := make([]byte, 65535)
	for {
		n, client, err := p.udp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier datagram
		}
		if server := p.session(clients, client); server != nil {
			_ = server.SetReadDeadline(time.Now().Add(sessionIdle))
			_, _ = server.Write(buf[:n])
		}
	}
}

// session returns the socket that stands for client, nil when there is none.
func (p *Port) session(clients *sessions, client netip.AddrPort) *net.UDPConn {
	clients.mu.Lock()
	defer clients.mu.Unlock()
	if c := clients.of[client]; c != nil {
		return c
	}
	if len(clients.of) >= maxSessions {
		return nil
	}
	var c *net.UDPConn
	err := p.within(func() (err error) {
		c, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(*p.target.Load()))
		return err
	})
	if err != nil || !p.track(c) {
		return nil
	}
	clients.of[client] = c
	p.work.Go(func() {
		p.answer(c, client)
		clients.mu.Lock()
		delete(clients.of, client)
		clients.mu.Unlock()
		p.forget(c)
	})
	return c
}

// answer carries datagrams back to client until it has been idle too long.
func (p *Port) answer(server *net.UDPConn, client netip.AddrPort) {
	buf := make([]byte, 65535)
	for {
		n, err := server.Read(buf)
		var timeout net.Error
		switch {
		case err == nil:
			_ = server.SetReadDeadline(time.Now().Add(sessionIdle))
			_, _ = p.udp.WriteToUDPAddrPort(buf[:n], client)
		case errors.Is(err, net.ErrClosed), errors.As(err, &timeout) && timeout.Timeout():
			return
		default: // refused: the container does not listen yet
		}
	}
}
