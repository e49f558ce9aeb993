package network

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

// publish makes the ports reachable: in the kernel where it can, and by the
// proxy for all that reaches the socket itself. The caller holds s.mu.
func (s *Sandbox) publish() error {
	if len(s.ports) == 0 {
		return nil
	}
	var e vzcontract.NetworkEndpoint
	p := s.outward()
	if p != nil {
		e = p.lease.Endpoint
	} else if len(s.places) > 0 {
		e = s.places[0].lease.Endpoint
	}
	v4, _ := netip.ParseAddr(e.IPv4)
	v6, _ := netip.ParseAddr(e.IPv6)
	for _, port := range s.ports {
		host := port.port.Addr()
		same, other, blocked := v4, v6, s.blocked.IPv4
		if host.Addr().Is6() {
			same, other, blocked = v6, v4, s.blocked.IPv6
		}
		if p != nil && blocked == "" && same.IsValid() && s.m.leads(host.Addr()) {
			s.direct = append(s.direct, nft.Port{
				Protocol: protocolNumber(port.port.Protocol()), Host: host, Target: netip.AddrPortFrom(same, port.container),
			})
		}
		if !same.IsValid() {
			same = other
		}
		port.port.Serve(netip.AddrPortFrom(same, port.container))
	}
	if err := s.m.table.Publish(s.direct); err != nil {
		s.direct = nil
		if ignoreMissingNFT(err) != nil {
			return fmt.Errorf("publish ports: %w", err)
		}
	}
	return nil
}

// leads tells whether what is for a host's address passes the rules where the networks
// are: in a namespace apart that is only what its containers send to their gateways.
func (m *Manager) leads(host netip.Addr) bool {
	return host != netip.IPv6Loopback() && (!m.apart() || host.IsUnspecified())
}

// unpublish leaves the ports to the proxy. The caller holds s.mu.
func (s *Sandbox) unpublish() error {
	direct := s.direct
	s.direct = nil
	if err := ignoreMissingNFT(s.m.table.Unpublish(direct)); err != nil {
		return fmt.Errorf("unpublish ports: %w", err)
	}
	return forgetFlows(direct)
}

// forgetFlows ends what the kernel remembers of datagrams to published ports:
// it would go on sending those of a busy client to an address that is nobody's
// or somebody else's by now.
func forgetFlows(ports []nft.Port) error {
	done := map[netip.Addr]bool{}
	for _, p := range ports {
		a := p.Target.Addr()
		if p.Protocol != unix.IPPROTO_UDP || done[a] {
			continue
		}
		done[a] = true
		family := netlink.InetFamily(unix.AF_INET)
		if a.Is6() {
			family = unix.AF_INET6
		}
		filter := &netlink.ConntrackFilter{}
		if err := errors.Join(filter.AddProtocol(p.Protocol), filter.AddIP(netlink.ConntrackReplySrcIP, a.AsSlice())); err != nil {
			return err
		}
		_, err := whole(func() (uint, error) { return netlink.ConntrackDeleteFilters(netlink.ConntrackTable, family, filter) })
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPROTONOSUPPORT) {
			return nil // a kernel that does not tell
		}
		if err != nil {
			return fmt.Errorf("forget datagrams to %s: %w", a, err)
		}
	}
	return nil
}

func protocolNumber(name string) byte {
	if name == "udp" {
		return unix.IPPROTO_UDP
	}
	return unix.IPPROTO_TCP
}
