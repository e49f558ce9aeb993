package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

// A fault is something that no record owns, and how it is removed.
type fault struct {
	text string
	fix  func() error
}

// Verify names what this installation left over: leases of containers for
// which live is false, and interfaces and published ports without a lease.
func (m *Manager) Verify(ctx context.Context, live func(containerID string) bool) (list []string, err error) {
	err = m.inside(func() error {
		faults, err := m.faults(ctx, live)
		for _, f := range faults {
			list = append(list, f.text)
		}
		return err
	})
	return list, err
}

// Repair removes what Verify names and returns what it removed.
func (m *Manager) Repair(ctx context.Context, live func(containerID string) bool) (list []string, err error) {
	err = m.inside(func() error {
		faults, err := m.faults(ctx, live)
		for _, f := range faults {
			if fixErr := f.fix(); fixErr != nil {
				err = errors.Join(err, fmt.Errorf("%s: %w", f.text, fixErr))
				continue
			}
			list = append(list, f.text)
		}
		return err
	})
	return list, err
}

func (m *Manager) faults(ctx context.Context, live func(string) bool) ([]fault, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var faults []fault
	err := m.locked(func() error {
		all, broken, err := m.scan()
		if err != nil {
			return err
		}
		known := map[string]bool{} // container ids with a lease, and networks of which little is known
		for _, d := range broken {
			faults = append(faults, m.damageFault(d))
			known[d.id] = true
			for id := range d.leases {
				known[id] = true
			}
		}
		for _, n := range all {
			for id := range n.Leases {
				if known[id] || m.served(id) || live(id) {
					known[id] = true
					continue
				}
				known[id] = true
				faults = append(faults, fault{
					"addresses of container " + id + ", which is gone",
					func() error { return m.Release(context.WithoutCancel(ctx), id) },
				})
			}
		}
		links, err := m.strayLinks(all, known)
		faults = append(faults, links...)
		if err != nil {
			return err
		}
		if len(broken) > 0 {
			return nil // whose ports are whose cannot be told
		}
		ports, err := m.strayPorts(all)
		faults = append(faults, ports...)
		if err != nil {
			return err
		}
		policed, err := m.strayPolicies(all)
		faults = append(faults, policed...)
		return err
	})
	return faults, err
}

// strayLinks finds interfaces with this installation's mark that no lease and
// no used network owns. What somebody is about to sweep is not stray.
func (m *Manager) strayLinks(all []*network, known map[string]bool) ([]fault, error) {
	if m.sweeping() {
		return nil, nil
	}
	links, err := whole(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var faults []fault
	for _, l := range links {
		id, mine := strings.CutPrefix(l.Attrs().Alias, m.alias(""))
		i := slices.IndexFunc(all, func(n *network) bool { return m.owns(l, n) })
		if !mine && i < 0 || known[id] {
			continue
		}
		switch {
		case i >= 0 && len(all[i].Leases) > 0:
		case i >= 0:
			faults = append(faults, fault{
				"bridge " + l.Attrs().Name + " of network " + all[i].Info.Name + ", which nobody uses",
				func() error { return m.repairBridge(all[i]) },
			})
		default:
			faults = append(faults, fault{
				"interface " + l.Attrs().Name + " of " + id + ", which is gone",
				func() error { return deleteLink(l) },
			})
		}
	}
	return faults, nil
}

// repairBridge takes down a bridge unless somebody is on the network by now.
func (m *Manager) repairBridge(known *network) error {
	return m.locked(func() error {
		n, err := m.reload(known)
		if err != nil || len(n.Leases) > 0 {
			return err
		}
		return m.takeDown(n)
	})
}

// strayPorts finds published ports that lead to an address of this
// installation which nobody has.
func (m *Manager) strayPorts(all []*network) ([]fault, error) {
	ports, err := m.table.Ports()
	if err != nil {
		return nil, ignoreMissingNFT(err)
	}
	used := map[netip.Addr]bool{}
	for _, n := range all {
		for _, l := range n.Leases {
			for _, s := range []string{l.Endpoint.IPv4, l.Endpoint.IPv6} {
				if a, err := netip.ParseAddr(s); err == nil {
					used[a] = true
				}
			}
		}
	}
	var faults []fault
	for _, p := range ports {
		if !used[p.Target.Addr()] {
			faults = append(faults, fault{
				fmt.Sprintf("published port %s to %s, which nobody has", p.Host, p.Target),
				func() error { return m.table.Unpublish([]nft.Port{p}) },
			})
		}
	}
	return faults, nil
}

// strayPolicies finds rules of egress policies of ports and addresses that nobody has,
// those of addresses first: they lead to those of ports.
func (m *Manager) strayPolicies(all []*network) ([]fault, error) {
	devices, addresses, err := m.table.Policed()
	if err != nil {
		return nil, ignoreMissingNFT(err)
	}
	links, used := map[string]bool{}, map[string]bool{}
	for _, n := range all {
		for _, l := range n.Leases {
			if l.Policed {
				links[l.Link], used[l.Endpoint.IPv4], used[l.Endpoint.IPv6] = true, true, true
			}
		}
	}
	var faults []fault
	for _, a := range addresses {
		if !used[a.String()] {
			faults = append(faults, fault{
				fmt.Sprintf("egress rules of %s, which nobody has", a),
				func() error { return m.table.Unpolice(nft.Endpoint{IPv4: netip.PrefixFrom(a, a.BitLen())}) },
			})
		}
	}
	for _, d := range devices {
		if !links[d] {
			faults = append(faults, fault{
				"rules for what enters by " + d + ", which nobody has",
				func() error { return m.table.Unpolice(nft.Endpoint{Device: d}) },
			})
		}
	}
	return faults, nil
}
