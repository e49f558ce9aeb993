package network

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/ipam"
)

// chooseSubnets completes and checks the subnets, gateways and ranges of n.
func (m *Manager) chooseSubnets(n *network, all []*network) error {
	subnets, err := parseSubnets(n.Info.Subnets)
	if err != nil {
		return err
	}
	routes, err := m.hostRoutes()
	if err != nil {
		return err
	}
	for i, p := range subnets {
		if other := overlapping(p, all); other != nil {
			return conflict("subnet %s overlaps network %s", p, other.Info.Name)
		}
		if slices.ContainsFunc(subnets[:i], p.Overlaps) {
			return invalid("subnet %s overlaps another one of the network", p)
		}
		for _, r := range routes {
			if r.prefix.Bits() >= p.Bits() && r.prefix.Overlaps(p) {
				return conflict("subnet %s is in use: the host routes %s through %s", p, r.prefix, r.via)
			}
		}
	}
	taken := func(p netip.Prefix) bool {
		return overlapping(p, all) != nil || slices.ContainsFunc(routes, func(r route) bool { return r.prefix.Overlaps(p) })
	}
	if !slices.ContainsFunc(subnets, func(p netip.Prefix) bool { return p.Addr().Is4() }) {
		p, ok := ipam.Subnet(m.opts.Pools, m.skip, taken)
		if !ok {
			return conflict("no free subnet is left in the pools %v: name one", m.opts.Pools)
		}
		subnets = slices.Insert(subnets, 0, p)
	}
	has6 := slices.ContainsFunc(subnets, func(p netip.Prefix) bool { return p.Addr().Is6() })
	for try := byte(0); n.Info.IPv6 && !has6; try++ {
		if p := ipam.UniqueLocal(n.Info.ID, try); !taken(p) {
			subnets, has6 = append(subnets, p), true
		}
	}
	n.Info.IPv6 = has6
	n.Info.Subnets = nil
	for _, p := range subnets {
		n.Info.Subnets = append(n.Info.Subnets, p.String())
	}
	return n.chooseGateways(subnets)
}

// settle gives the default network another subnet when the host routes its own
// elsewhere by now and nobody has an address of it. The caller holds the lock.
func (m *Manager) settle(n *network) error {
	if n.Info.Name != DefaultNetwork || len(n.Leases) > 0 || m.ready(n) != nil {
		return nil
	}
	err := m.checkRoutes(n)
	if vzcontract.CodeOf(err) != vzcontract.CodeConflict {
		return err
	}
	all, err := m.networks()
	if err != nil {
		return err
	}
	n.Info.Subnets, n.Info.Gateways = nil, nil
	others := slices.DeleteFunc(all, func(o *network) bool { return o.Info.ID == n.Info.ID })
	if err := m.chooseSubnets(n, others); err != nil {
		return err
	}
	return m.saveInfo(n)
}

func parseSubnets(list []string) ([]netip.Prefix, error) {
	var subnets []netip.Prefix
	families := map[bool]bool{}
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			return nil, invalid("invalid subnet %q: want an address and a length such as 10.9.0.0/24", s)
		case p != p.Masked():
			return nil, invalid("invalid subnet %q: did you mean %s?", s, p.Masked())
		case p.Addr().BitLen()-p.Bits() < 2 || p.Bits() < 8:
			return nil, invalid("invalid subnet %q: the length does not leave room for a gateway and containers", s)
		case p.Addr().Is4In6() || p.Addr().IsMulticast() || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast():
			return nil, invalid("invalid subnet %q: hosts cannot have addresses of it", s)
		case families[p.Addr().Is4()]:
			return nil, invalid("subnet %q: one subnet of each family is all that a network can have", s)
		}
		families[p.Addr().Is4()] = true
		subnets = append(subnets, p)
	}
	return subnets, nil
}

// chooseGateways gives each subnet a gateway, in the same order, and checks
// the ranges.
func (n *network) chooseGateways(subnets []netip.Prefix) error {
	gateways := make([]string, len(subnets))
	for _, g := range n.Info.Gateways {
		a, err := netip.ParseAddr(g)
		i := slices.IndexFunc(subnets, func(p netip.Prefix) bool { return err == nil && ipam.Usable(p, a) })
		if i < 0 || gateways[i] != "" {
			return invalid("gateway %q is not the one host address of a subnet of the network", g)
		}
		gateways[i] = a.String()
	}
	for i, p := range subnets {
		if gateways[i] == "" {
			a, _ := ipam.Address(p, p, func(netip.Addr) bool { return false })
			gateways[i] = a.String()
		}
	}
	n.Info.Gateways = gateways
	for _, s := range n.Info.Ranges {
		r, err := netip.ParsePrefix(s)
		inside := func(p netip.Prefix) bool { return p.Contains(r.Addr()) && r.Bits() >= p.Bits() }
		if err != nil || r != r.Masked() || !slices.ContainsFunc(subnets, inside) {
			return invalid("range %q is not a part of a subnet of the network", s)
		}
	}
	return nil
}

func overlapping(p netip.Prefix, all []*network) *network {
	for _, n := range all {
		if slices.ContainsFunc(n.subnets(), p.Overlaps) {
			return n
		}
	}
	return nil
}

func (n *network) subnets() []netip.Prefix {
	var list []netip.Prefix
	for _, s := range n.Info.Subnets {
		if p, err := netip.ParsePrefix(s); err == nil {
			list = append(list, p)
		}
	}
	return list
}

// family returns the subnet and gateway of a family; ok is false when n has none.
func (n *network) family(is4 bool) (subnet netip.Prefix, gateway netip.Addr, ok bool) {
	for i, p := range n.subnets() {
		if p.Addr().Is4() == is4 && i < len(n.Info.Gateways) {
			g, err := netip.ParseAddr(n.Info.Gateways[i])
			return p, g, err == nil
		}
	}
	return netip.Prefix{}, netip.Addr{}, false
}

// A route is where the host sends a prefix.
type route struct {
	prefix netip.Prefix
	via    string
	link   int
}

// hostRoutes lists the unicast routes of all tables, without default routes.
func (m *Manager) hostRoutes() (list []route, err error) {
	err = m.outside(func() (err error) {
		list, err = routesHere()
		return err
	})
	return list, err
}

func routesHere() ([]route, error) {
	var list []route
	names := map[int]string{}
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		routes, err := whole(func() ([]netlink.Route, error) {
			return netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
		})
		if err != nil {
			return nil, fmt.Errorf("list the host's routes: %w", err)
		}
		for _, r := range routes {
			p, ok := prefixOf(r)
			if !ok || r.Type != unix.RTN_UNICAST || p.Bits() == 0 || p.Addr().IsLinkLocalUnicast() || p.Addr().IsMulticast() {
				continue
			}
			if _, ok := names[r.LinkIndex]; !ok {
				names[r.LinkIndex] = "another interface"
				if l, err := netlink.LinkByIndex(r.LinkIndex); err == nil {
					names[r.LinkIndex] = l.Attrs().Name
				}
			}
			list = append(list, route{prefix: p, via: names[r.LinkIndex], link: r.LinkIndex})
		}
	}
	return list, nil
}

func prefixOf(r netlink.Route) (netip.Prefix, bool) {
	if r.Dst == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(r.Dst.IP)
	bits, _ := r.Dst.Mask.Size()
	if r.Dst.IP.To4() != nil && bits <= 32 {
		a = a.Unmap()
	}
	return netip.PrefixFrom(a, bits), ok
}
