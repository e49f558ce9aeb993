package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/ipam"
	"vz.internal/vzlinuxnative/network/internal/nft"
	"vz.internal/vzlinuxnative/network/internal/nsthread"
	"vz.internal/vzlinuxnative/network/internal/portproxy"
)

// relay carries the container's TCP connections to the outside while the host
// does not route them: a listener on the container's loopback gets them by a
// rule in its namespace and connects from the host. The caller holds s.mu.
func (s *Sandbox) relay() error {
	if s.blocked.IPv4 == "" || s.outward() == nil || nft.Available() != nil {
		return nil
	}
	if s.relayed == nil {
		var l net.Listener
		err := nsthread.In(s.ns, func() (err error) {
			l, err = new(net.ListenConfig).Listen(context.Background(), "tcp4", "127.0.0.1:0")
			return err
		})
		if err != nil {
			return fmt.Errorf("relay the container's connections: %w", err)
		}
		s.relayed = portproxy.Relay(l.(*net.TCPListener), s.dialOut)
		s.rules.Relay = s.relayed.Addr().Port()
	}
	s.rules.Direct = s.neighbours(bridgesFilter())
	return s.rules.Install(s.ns)
}

// neighbours are the destinations that the container reaches by itself: its
// subnets, or where frames inside a bridge pass the same rules that drop what
// is forwarded, its gateways. The caller holds s.mu.
func (s *Sandbox) neighbours(gatewaysOnly bool) []netip.Prefix {
	var list []netip.Prefix
	for _, p := range s.places {
		subnet, gateway, ok := p.net.family(true)
		if ok && gatewaysOnly {
			subnet = netip.PrefixFrom(gateway, 32)
		}
		if ok {
			list = append(list, subnet)
		}
	}
	return list
}

// dialOut connects to where the container wanted to, from the host when that
// is outside, else from the container itself, so that the host's rules and the
// isolation of networks hold as ever.
func (s *Sandbox) dialOut(ctx context.Context, c *net.TCPConn) (net.Conn, error) {
	target, err := nft.OriginalTarget(c)
	if err != nil {
		return nil, err
	}
	conn, err := s.DialOut(ctx, target)
	if !errors.Is(err, vzcontract.ErrNotFound) {
		return conn, err
	}
	s.mu.Lock()
	ns := s.ns
	s.mu.Unlock()
	if ns == nil {
		return nil, net.ErrClosed
	}
	dialer := &net.Dialer{}
	dialer.Control = func(_, _ string, raw syscall.RawConn) (err error) {
		if controlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, nft.PassMark) }); controlErr != nil {
			return controlErr
		}
		return err
	}
	err = nsthread.In(ns, func() (err error) {
		conn, err = dialer.DialContext(ctx, "tcp4", target.String())
		return err
	})
	return conn, err
}

// DialOut connects from the host to where the container wanted to. What the container
// has to reach by itself is vzcontract.ErrNotFound.
func (s *Sandbox) DialOut(ctx context.Context, target netip.AddrPort) (net.Conn, error) {
	if !s.egress.reaches(target) {
		return nil, vzcontract.Errorf(vzcontract.ErrDenied, "the container's egress policy does not allow %s", target)
	}
	s.mu.Lock()
	own := slices.ContainsFunc(s.neighbours(false), func(p netip.Prefix) bool { return ipam.Usable(p, target.Addr()) })
	s.mu.Unlock()
	if !own && !isOutside(target.Addr()) {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "%s is not outside of the host", target.Addr())
	}
	return new(net.Dialer).DialContext(ctx, "tcp4", target.String())
}

// Relays tells whether the container's TCP connections over IPv4 have to go through
// DialOut, all but those to the destinations that it returns.
func (s *Sandbox) Relays() (direct []netip.Prefix, relays bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.blocked.IPv4 == "" || s.outward() == nil || nft.Available() != nil {
		return nil, false
	}
	return s.neighbours(bridgesFilter()), true
}

// isOutside tells whether the host reaches an address by a gateway or on the
// network of an interface that is no bridge for containers.
func isOutside(a netip.Addr) bool {
	routes, err := netlink.RouteGet(a.AsSlice())
	if err != nil || len(routes) == 0 || routes[0].Type != unix.RTN_UNICAST {
		return false
	}
	r := routes[0]
	if len(r.Gw) > 0 {
		return true
	}
	l, err := netlink.LinkByIndex(r.LinkIndex)
	if err != nil {
		return false
	}
	return l.Type() != "bridge" || l.Attrs().Index == uplinkIndex()
}
