package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Connect puts the container's interfaces into its network namespace and makes
// its ports reachable. The namespace's file stays the caller's. After an error
// the caller closes the sandbox.
func (s *Sandbox) Connect(ctx context.Context, ns *os.File) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.m.inside(func() error { return s.connect(ns) })
}

func (s *Sandbox) connect(ns *os.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.ns != nil {
		return conflict("the sandbox is connected or closed already")
	}
	fd, err := unix.FcntlInt(ns.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("keep the network namespace: %w", err)
	}
	s.ns = os.NewFile(uintptr(fd), "netns")
	h, err := netlink.NewHandleAt(netns.NsHandle(fd), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open the container's network namespace: %w", err)
	}
	defer h.Close()
	if err := h.LinkSetUp(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: 1}}); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	s.m.plainTCP(s.ns)
	for _, p := range s.places {
		if err := s.plug(h, p); err != nil {
			return err
		}
	}
	return errors.Join(s.routeDefault(h), s.listen(), s.relay(), s.publish())
}

// plug joins the container to one network.
func (s *Sandbox) plug(h *netlink.Handle, p *place) error {
	bridge, err := s.m.bridge(p.net)
	if err != nil {
		return err
	}
	if err := ignoreMissingNFT(s.m.table.AddNetwork(p.net.rules())); err != nil {
		return fmt.Errorf("rules of network %s: %w", p.net.Info.Name, err)
	}
	link, err := s.addPair(h, p, bridge)
	if err != nil {
		return err
	}
	e := p.lease.Endpoint
	for _, at := range []struct {
		ip   string
		bits int
	}{{e.IPv4, e.IPv4Prefix}, {e.IPv6, e.IPv6Prefix}} {
		if at.ip == "" {
			continue
		}
		a, err := netip.ParseAddr(at.ip)
		if err != nil {
			return err
		}
		if err := h.AddrAdd(link, address(a, at.bits)); err != nil {
			return fmt.Errorf("give %s address %s: %w", e.Interface, a, err)
		}
	}
	for _, ip := range p.at.LinkLocal {
		a, err := netip.ParseAddr(ip)
		if err != nil {
			return err
		}
		if err := h.AddrAdd(link, address(a, map[bool]int{true: 16, false: 64}[a.Is4()])); err != nil {
			return fmt.Errorf("give %s address %s: %w", e.Interface, a, err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("set %s up: %w", e.Interface, err)
	}
	return nil
}

// addPair makes the veth pair, its far end straight in the container.
func (s *Sandbox) addPair(h *netlink.Handle, p *place, bridge netlink.Link) (netlink.Link, error) {
	mac, err := net.ParseMAC(p.lease.Endpoint.MACAddress)
	if err != nil {
		return nil, err
	}
	veth := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{
			MasterIndex: bridge.Attrs().Index, MTU: bridge.Attrs().MTU, Flags: net.FlagUp, NumTxQueues: 1, NumRxQueues: 1,
		},
		PeerName: p.lease.Endpoint.Interface, PeerHardwareAddr: mac, PeerNamespace: netlink.NsFd(int(s.ns.Fd())),
	}
	if s.egress != nil { // until its rules are there it leads nowhere
		veth.MasterIndex, veth.Flags = 0, 0
	}
	if err := s.addNamed(p, veth); err != nil {
		return nil, fmt.Errorf("make veth pair %s on %s: %w", p.lease.Link, bridge.Attrs().Name, err)
	}
	if err := netlink.LinkSetAlias(veth, s.m.alias(s.req.ContainerID)); err != nil {
		return nil, fmt.Errorf("mark %s: %w", p.lease.Link, err)
	}
	if s.egress != nil {
		if err := s.police(p, veth, bridge); err != nil {
			return nil, err
		}
	}
	if len(s.ports) > 0 && bridgesFilter() {
		// What a container sends to its own published port comes back through
		// the bridge's port that it came by.
		if err := netlink.LinkSetHairpin(veth, true); err != nil {
			return nil, fmt.Errorf("set hairpin on %s: %w", p.lease.Link, err)
		}
	}
	link, err := h.LinkByName(p.lease.Endpoint.Interface)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", p.lease.Endpoint.Interface, err)
	}
	return link, nil
}

// police joins a port to its bridge, with the rules of the container's policy before it.
func (s *Sandbox) police(p *place, veth, bridge netlink.Link) error {
	port, err := netlink.LinkByName(p.lease.Link)
	if err != nil {
		return fmt.Errorf("find %s: %w", p.lease.Link, err)
	}
	if err := s.egress.police(p, port.Attrs().HardwareAddr); err != nil {
		return err
	}
	if err := errors.Join(netlink.LinkSetMaster(veth, bridge), netlink.LinkSetUp(veth)); err != nil {
		return fmt.Errorf("join %s to %s: %w", p.lease.Link, bridge.Attrs().Name, err)
	}
	return nil
}

// addNamed makes the pair under the recorded name, or where that is taken,
// under one that is recorded first.
func (s *Sandbox) addNamed(p *place, veth *netlink.Veth) error {
	for try := byte(1); ; try++ {
		veth.Name = p.lease.Link
		err := netlink.LinkAdd(veth)
		if !errors.Is(err, unix.EEXIST) || try == 100 {
			return err
		}
		if _, lookup := netlink.LinkByName(veth.Name); lookup != nil {
			return err // the name inside the container is what is taken
		}
		name := s.m.linkName(p.net, s.req.ContainerID, try)
		err = s.m.locked(func() error {
			n, err := s.m.load(p.net.Info.ID)
			if err != nil {
				return err
			}
			l := n.Leases[s.req.ContainerID]
			if l == nil {
				return conflict("the container has no place on network %s any more", n.Info.Name)
			}
			l.Link = name
			return s.m.saveLease(n, s.req.ContainerID)
		})
		if err != nil {
			return err
		}
		p.lease.Link = name
	}
}

// outward is the place whose network leads out: the first that is not internal.
func (s *Sandbox) outward() *place {
	i := slices.IndexFunc(s.places, func(p *place) bool { return !p.net.Info.Internal })
	if i < 0 {
		return nil
	}
	return s.places[i]
}

// routeDefault sends what is for nowhere else out by the outward network.
func (s *Sandbox) routeDefault(h *netlink.Handle) error {
	p := s.outward()
	if p == nil {
		return nil
	}
	link, err := h.LinkByName(p.lease.Endpoint.Interface)
	if err != nil {
		return fmt.Errorf("find %s: %w", p.lease.Endpoint.Interface, err)
	}
	for _, gateway := range []string{p.lease.Endpoint.Gateway4, p.lease.Endpoint.Gateway6} {
		if gateway == "" {
			continue
		}
		a, err := netip.ParseAddr(gateway)
		if err != nil {
			return err
		}
		if err := h.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: a.AsSlice()}); err != nil {
			return fmt.Errorf("default route through %s: %w", gateway, err)
		}
	}
	return nil
}

// leave takes a container off networks: its interfaces are silent first, then
// the addresses are free. What is left is for Sweep.
func (m *Manager) leave(container string, places []*place) error {
	var err error
	for _, p := range places {
		err = errors.Join(err, m.quiet(p.lease.Link, container))
	}
	if err != nil {
		return err
	}
	if err := m.unpolice(places); err != nil {
		return err
	}
	return m.locked(func() error {
		var err error
		for _, p := range places {
			err = errors.Join(err, m.give(p.net, container))
		}
		return err
	})
}
