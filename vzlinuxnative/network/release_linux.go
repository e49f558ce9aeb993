package network

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"os"

	"vz.internal/vzlinuxnative/network/internal/nft"
)

// Release gives back all that a container has on record, and takes down what a
// process that was killed did not come to sweep. It is for containers whose
// process is gone.
func (m *Manager) Release(ctx context.Context, container string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return m.inside(func() error { return m.release(ctx, container) })
}

func (m *Manager) release(ctx context.Context, container string) error {
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
	if err := errors.Join(m.Sweep(ctx), m.sweepStray()); err != nil {
		return err
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

// give takes a container's lease off a network, also when the network's
// description is gone by now. The caller holds the lock.
func (m *Manager) give(known *network, container string) error {
	n, err := m.reload(known)
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
	return m.postpone(func(left *idle) {
		if left.networks == nil {
			left.networks = map[string]*network{}
		}
		left.networks[n.Info.ID] = n
	})
}
