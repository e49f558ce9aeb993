package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"vz.internal/vzlinuxnative/network/internal/ipam"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

// alias is the text by which an interface is known as this installation's.
func (m *Manager) alias(id string) string { return "vz:" + m.tag + ":" + id }

// owns reports whether l is n's bridge: it has the mark, or it has its name and
// nothing else, because who made it was killed before it gave it the mark.
func (m *Manager) owns(l netlink.Link, n *network) bool {
	a := l.Attrs()
	bare := a.Alias == "" && a.Name == n.Info.Interface && l.Type() == "bridge" && a.Flags&net.FlagUp == 0
	return bare || a.Alias == m.alias(n.Info.ID)
}

// bridgeName is the name to try for n's bridge.
func (m *Manager) bridgeName(n *network, try byte) string {
	if m.main && n.Info.Name == DefaultNetwork && try == 0 {
		return "vz0"
	}
	return ipam.Interface("vz", m.tag+n.Info.ID, try)
}

func (n *network) rules() nft.Network {
	return nft.Network{Bridge: n.Info.Interface, Subnets: n.subnets(), Internal: n.Info.Internal}
}

// bridge returns n's bridge, made when it is missing. The caller has a lease
// on n, so nobody takes the bridge down.
func (m *Manager) bridge(n *network) (netlink.Link, error) {
	if l := m.ready(n); l != nil {
		return l, nil
	}
	var link netlink.Link
	err := m.locked(func() error {
		fresh, err := m.load(n.Info.ID)
		if err != nil {
			return err
		}
		n.Info = fresh.Info
		if link = m.ready(n); link != nil {
			return nil
		}
		link, err = m.raise(n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("bridge of network %s: %w", n.Info.Name, err)
	}
	return link, nil
}

// ready returns n's bridge when it is complete: up is its last step.
func (m *Manager) ready(n *network) netlink.Link {
	l, err := netlink.LinkByName(n.Info.Interface)
	if err != nil || l.Attrs().Alias != m.alias(n.Info.ID) || l.Attrs().Flags&net.FlagUp == 0 {
		return nil
	}
	return l
}

// raise makes n's bridge. The caller holds the lock.
func (m *Manager) raise(n *network) (netlink.Link, error) {
	if err := m.checkRoutes(n); err != nil {
		return nil, err
	}
	link, err := m.addBridge(n)
	if err != nil {
		return nil, err
	}
	for i, p := range n.subnets() {
		gateway, err := netip.ParseAddr(n.Info.Gateways[i])
		if err != nil {
			return nil, err
		}
		if err := netlink.AddrReplace(link, address(gateway, p.Bits())); err != nil {
			return nil, fmt.Errorf("give %s address %s: %w", n.Info.Interface, gateway, err)
		}
	}
	if err := m.allowForwarding(n); err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return nil, fmt.Errorf("set %s up: %w", n.Info.Interface, err)
	}
	return link, nil
}

// addBridge makes the interface, under another name when that is taken.
func (m *Manager) addBridge(n *network) (netlink.Link, error) {
	mtu := n.Info.MTU
	if mtu == 0 {
		mtu = uplinkMTU()
	}
	for try := range byte(100) {
		name := m.bridgeName(n, try)
		if try == 0 {
			name = n.Info.Interface
		}
		var b netlink.Link = &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
		err := netlink.LinkAdd(b)
		if errors.Is(err, unix.EEXIST) {
			if b, err = netlink.LinkByName(name); err != nil || !m.owns(b, n) {
				continue
			} // else it is half made
		}
		if err != nil {
			return nil, fmt.Errorf("make bridge %s: %w", name, err)
		}
		// One that it is made with the kernel forgets when the last port goes.
		if err := netlink.LinkSetMTU(b, mtu); err != nil {
			return nil, errors.Join(fmt.Errorf("set the MTU of %s: %w", name, err), netlink.LinkDel(b))
		}
		b.Attrs().MTU = mtu
		if name != n.Info.Interface {
			n.Info.Interface = name
			if err := m.saveInfo(n); err != nil {
				return nil, errors.Join(err, netlink.LinkDel(b))
			}
		}
		if err := netlink.LinkSetAlias(b, m.alias(n.Info.ID)); err != nil {
			return nil, errors.Join(err, netlink.LinkDel(b))
		}
		return b, nil
	}
	return nil, conflict("no free interface name is left")
}

// checkRoutes refuses a subnet that the host routes elsewhere by now.
func (m *Manager) checkRoutes(n *network) error {
	routes, err := m.hostRoutes()
	if err != nil {
		return err
	}
	for _, p := range n.subnets() {
		for _, r := range routes {
			if r.via != n.Info.Interface && r.prefix.Overlaps(p) && r.prefix.Bits() >= p.Bits() {
				return conflict("subnet %s is in use: the host routes %s through %s", p, r.prefix, r.via)
			}
		}
	}
	return nil
}

// takeDown removes the bridge and rules of n, which has no leases. The caller
// holds the lock. Rules of other networks are there only while these have
// leases.
func (m *Manager) takeDown(n *network) error {
	used, err := filepath.Glob(m.leaseFile("*"))
	if err != nil {
		return err
	}
	if len(used) == 0 {
		err = ignoreMissingNFT(m.table.Delete())
	} else {
		err = ignoreMissingNFT(m.table.RemoveNetwork(n.rules()))
	}
	l, lookup := netlink.LinkByName(n.Info.Interface)
	if lookup == nil && m.owns(l, n) {
		err = errors.Join(err, deleteLink(l))
	}
	return err
}

func address(a netip.Addr, bits int) *netlink.Addr {
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, a.BitLen())}}
	if a.Is6() {
		addr.Flags = unix.IFA_F_NODAD
	}
	return addr
}

// uplinkMTU is the MTU of the interface with the default route; 1500 without one.
func uplinkMTU() int {
	if index := uplinkIndex(); index != 0 {
		if l, err := netlink.LinkByIndex(index); err == nil && l.Attrs().MTU >= 576 {
			return l.Attrs().MTU
		}
	}
	return 1500
}

// uplinkIndex is that of the interface with the default route, or 0.
func uplinkIndex() int {
	routes, err := whole(func() ([]netlink.Route, error) { return netlink.RouteList(nil, unix.AF_INET) })
	if err != nil {
		return 0
	}
	for _, r := range routes {
		if p, ok := prefixOf(r); (!ok || p.Bits() == 0) && r.LinkIndex != 0 {
			return r.LinkIndex
		}
	}
	return 0
}
