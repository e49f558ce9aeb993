package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/names"
	"vz.internal/vzlinuxnative/network/internal/nft"
	"vz.internal/vzlinuxnative/network/internal/nsthread"
)

// listen starts the container's DNS listener. It sits on a free port of
// 127.0.0.11, so that port 53 stays the container's own; without nftables it
// takes port 53 itself. The caller holds s.mu.
func (s *Sandbox) listen() error {
	if !s.listens() || s.server != nil {
		return nil
	}
	filters := nft.Available() == nil
	var port uint16
	if !filters {
		port = 53
	}
	udp, tcp, err := listenIn(s.ns, netip.AddrPortFrom(listenerAddress, port))
	if err != nil {
		return fmt.Errorf("listen for names in the container: %w", err)
	}
	if filters {
		s.rules.Asked, s.rules.Listener = listenerAddress, udp.LocalAddr().(*net.UDPAddr).AddrPort()
		if err := s.rules.Install(s.ns); err != nil {
			return errors.Join(err, udp.Close(), tcp.Close())
		}
	}
	var guard names.Guard
	if s.egress != nil {
		guard = s.egress
	}
	s.server = names.Serve(udp, tcp, s.view, guard)
	return nil
}

// listenIn takes the same port for udp and tcp.
func listenIn(ns *os.File, addr netip.AddrPort) (udp net.PacketConn, tcp net.Listener, err error) {
	var config net.ListenConfig
	ctx := context.Background()
	err = nsthread.In(ns, func() error {
		for try := 0; ; try++ {
			var err error
			if udp, err = config.ListenPacket(ctx, "udp4", addr.String()); err != nil {
				return err
			}
			if tcp, err = config.Listen(ctx, "tcp4", udp.LocalAddr().String()); err == nil {
				return nil
			}
			err = errors.Join(err, udp.Close())
			if addr.Port() != 0 || try == 20 {
				return err
			}
		}
	})
	return udp, tcp, err
}

// listens tells whether the container asks its own listener: on user networks and
// with an egress policy always, on the default one when the host's resolvers are out of
// its reach.
func (s *Sandbox) listens() bool {
	if s.egress != nil {
		return true
	}
	for _, p := range s.places {
		if p.net.Info.Name != DefaultNetwork {
			return true
		}
	}
	return s.relaysNames
}

// chooseResolver decides whether the container's questions are relayed: when
// the host's resolvers, or all that is outside, are out of its reach.
func (s *Sandbox) chooseResolver() error {
	p := s.outward()
	if p != nil {
		blocked, err := s.m.obstacles(p.net.Info.Interface)
		if err != nil {
			return err
		}
		s.blocked = blocked
	}
	dns, err := reachableDNS()
	s.relaysNames = len(dns.Servers) == 0 && len(s.req.DNS.Servers) == 0 || s.blocked.IPv4 != "" && nft.Available() == nil
	return err
}

// resolver is the address of the container's own DNS listener, if it has one.
func (s *Sandbox) resolver() netip.Addr {
	if s.listens() {
		return listenerAddress
	}
	return netip.Addr{}
}

// DialNames connects, by "udp" or "tcp", with the container's DNS listener, for a
// guest that cannot reach the container's network namespace. Without one it is
// vzcontract.ErrNotFound.
func (s *Sandbox) DialNames(ctx context.Context, protocol string) (conn net.Conn, err error) {
	s.mu.Lock()
	ns, listens := s.ns, s.server != nil
	s.mu.Unlock()
	if !listens || ns == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "the container asks no listener of its own")
	}
	err = nsthread.In(ns, func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, protocol+"4", netip.AddrPortFrom(listenerAddress, 53).String())
		return err
	})
	return conn, err
}
