package network

import (
	"cmp"
	"net"
	"net/netip"
	"strconv"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/ipam"
)

// take gives a container its place on n and records it. The caller holds the
// lock, so nothing here asks the kernel, which may be busy with other
// interfaces. index is the number of the interface inside the container.
func (m *Manager) take(n *network, r *Request, at vzcontract.NetworkAttach, index int) (*place, error) {
	if _, ok := n.Leases[r.ContainerID]; ok {
		return nil, conflict("container %s is on network %s already", cmp.Or(r.Name, r.ContainerID), n.Info.Name)
	}
	e := vzcontract.NetworkEndpoint{
		Network: n.Info.Name, NetworkID: n.Info.ID, Interface: "eth" + strconv.Itoa(index), Aliases: at.Aliases,
	}
	first, err := m.pickAddresses(n, at, &e)
	if err != nil {
		return nil, err
	}
	e.MACAddress = ipam.MAC(first).String()
	if at.MACAddress != "" {
		mac, err := net.ParseMAC(at.MACAddress)
		if err != nil {
			return nil, invalid("MAC address %q: %w", at.MACAddress, err)
		}
		e.MACAddress = mac.String()
	}
	for id, l := range n.Leases {
		if l.Endpoint.MACAddress == e.MACAddress {
			return nil, conflict("MAC address %s is in use on network %s by container %s", e.MACAddress, n.Info.Name, cmp.Or(l.Name, id))
		}
	}
	l := &lease{Endpoint: e, Name: r.Name, Hostname: r.Hostname, Aliases: at.Aliases, Link: m.linkName(n, r.ContainerID, 0), Policed: r.Egress != nil}
	n.Leases[r.ContainerID] = l
	return &place{net: n, lease: l, at: at}, m.saveLease(n, r.ContainerID)
}

// pickAddresses fills in the addresses of e and returns its first one.
func (m *Manager) pickAddresses(n *network, at vzcontract.NetworkAttach, e *vzcontract.NetworkEndpoint) (first netip.Addr, err error) {
	if subnet, gateway, ok := n.family(true); ok {
		first, err = m.pick(n, subnet, at.IPv4)
		if err != nil {
			return first, err
		}
		e.IPv4, e.IPv4Prefix, e.Gateway4 = first.String(), subnet.Bits(), gateway.String()
	} else if at.IPv4 != "" {
		return first, invalid("address %s: network %s has no IPv4", at.IPv4, n.Info.Name)
	}
	if subnet, gateway, ok := n.family(false); ok {
		second, err := m.pick(n, subnet, at.IPv6)
		if err != nil {
			return first, err
		}
		e.IPv6, e.IPv6Prefix, e.Gateway6 = second.String(), subnet.Bits(), gateway.String()
		if !first.IsValid() {
			first = second
		}
	} else if at.IPv6 != "" {
		return first, invalid("address %s: network %s has no IPv6", at.IPv6, n.Info.Name)
	}
	return first, nil
}

// pick chooses an address of subnet, or checks the fixed one. Leases of dead
// containers are cleared away when they are in the way.
func (m *Manager) pick(n *network, subnet netip.Prefix, fixed string) (netip.Addr, error) {
	a, err := n.pick(subnet, fixed)
	if vzcontract.CodeOf(err) != vzcontract.CodeConflict {
		return a, err
	}
	if err := m.dropDead(n); err != nil {
		return a, err
	}
	return n.pick(subnet, fixed)
}

func (n *network) pick(subnet netip.Prefix, fixed string) (netip.Addr, error) {
	used := map[netip.Addr]string{}
	for _, g := range n.Info.Gateways {
		if a, err := netip.ParseAddr(g); err == nil {
			used[a] = "the gateway"
		}
	}
	for id, l := range n.Leases {
		for _, s := range []string{l.Endpoint.IPv4, l.Endpoint.IPv6} {
			if a, err := netip.ParseAddr(s); err == nil {
				used[a] = "container " + cmp.Or(l.Name, id)
			}
		}
	}
	if fixed != "" {
		a, err := netip.ParseAddr(fixed)
		switch {
		case err != nil || !ipam.Usable(subnet, a):
			return a, invalid("address %s is not one of a host in %s", fixed, subnet)
		case used[a] != "":
			return a, conflict("address %s is in use on network %s by %s", fixed, n.Info.Name, used[a])
		}
		return a, nil
	}
	taken := func(a netip.Addr) bool { return used[a] != "" }
	for _, within := range n.ranges(subnet) {
		if a, ok := ipam.Address(subnet, within, taken); ok {
			return a, nil
		}
	}
	return netip.Addr{}, conflict("network %s has no free address in %s", n.Info.Name, subnet)
}

// ranges are the parts of subnet from which addresses are given.
func (n *network) ranges(subnet netip.Prefix) []netip.Prefix {
	var list []netip.Prefix
	for _, s := range n.Info.Ranges {
		if p, err := netip.ParsePrefix(s); err == nil && subnet.Overlaps(p) {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return []netip.Prefix{subnet}
	}
	return list
}

// linkName is the name to try for the host's end of a container's veth pair.
func (m *Manager) linkName(n *network, container string, try byte) string {
	return ipam.Interface("ve", m.tag+n.Info.ID+container, try)
}
