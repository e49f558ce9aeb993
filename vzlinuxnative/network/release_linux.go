package network

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"

	"vz.internal/vzlinuxnative/network/internal/nft"
)

// Release gives back all that a container has on record. It is for containers
// whose process is gone; for one that has nothing it does nothing.
func (m *Manager) Release(ctx context.Context, container string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var places []*place
	err := m.locked(func() error {
		all, err := m.networks()
		for _, n := range all {
			if l := n.Leases[container]; l != nil {
				places = append(places, &place{net: n, lease: l})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(places) > 0 {
		if err := m.unpublishTo(places); err != nil {
			return err
		}
		if err := m.leave(container, places); err != nil {
			return err
		}
	}
	if err := os.Remove(m.aliveFile(container)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unpublishTo removes the ports that lead to the addresses of places.
func (m *Manager) unpublishTo(places []*place) error {
	ports, err := m.table.Ports()
	if err != nil {
		return ignoreMissingNFT(err)
	}
	mine := map[netip.Addr]bool{}
	for _, p := range places {
		for _, s := range []string{p.lease.Endpoint.IPv4, p.lease.Endpoint.IPv6} {
			if a, err := netip.ParseAddr(s); err == nil {
				mine[a] = true
			}
		}
	}
	var left []nft.Port
	for _, p := range ports {
		if mine[p.Target.Addr()] {
			left = append(left, p)
		}
	}
	return errors.Join(m.table.Unpublish(left), forgetFlows(left))
}

// give takes a container's lease off a network; with the last one the bridge
// goes, also when the network's description is gone by now. The caller holds
// the lock.
func (m *Manager) give(known *network, container string) error {
	n, err := m.load(known.Info.ID)
	if errors.Is(err, fs.ErrNotExist) {
		var j journal
		j, err = readJournal(m.leaseFile(known.Info.ID))
		n = &network{Info: known.Info, Leases: j.leases, lines: j.lines, torn: j.torn}
	}
	if err != nil {
		return err
	}
	delete(n.Leases, container)
	if err := m.saveLease(n, container); err != nil {
		return err
	}
	if len(n.Leases) > 0 {
		return nil
	}
	return m.takeDown(n)
}
