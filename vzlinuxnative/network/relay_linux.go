package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
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
	target, err := originalTarget(c)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	own := slices.ContainsFunc(s.neighbours(false), func(p netip.Prefix) bool { return ipam.Usable(p, target.Addr()) })
	ns := s.ns
	s.mu.Unlock()
	if ns == nil {
		return nil, net.ErrClosed
	}
	dialer := &net.Dialer{}
	if own || isOutside(target.Addr()) {
		return dialer.DialContext(ctx, "tcp4", target.String())
	}
	dialer.Control = func(_, _ string, raw syscall.RawConn) (err error) {
		if controlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, nft.PassMark) }); controlErr != nil {
			return controlErr
		}
		return err
	}
	var conn net.Conn
	err = nsthread.In(ns, func() (err error) {
		conn, err = dialer.DialContext(ctx, "tcp4", target.String())
		return err
	})
	return conn, err
}

// originalTarget is where a redirected connection was meant to go.
func originalTarget(c *net.TCPConn) (netip.AddrPort, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	const soOriginalDst = 80
	var sockaddr *unix.IPv6Mreq // its 20 bytes hold a sockaddr_in
	var optErr error
	if err := raw.Control(func(fd uintptr) { sockaddr, optErr = unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, soOriginalDst) }); err != nil {
		return netip.AddrPort{}, err
	}
	if optErr != nil {
		return netip.AddrPort{}, fmt.Errorf("original destination: %w", optErr)
	}
	b := sockaddr.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3])), nil
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
	return l.Type() != "bridge" || l.Attrs().Index == uplink()
}
