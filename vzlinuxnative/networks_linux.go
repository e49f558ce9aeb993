package vzlinuxnative

import (
	"context"
	"errors"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/wire"
)

var _ vzcontract.Networks = (*Backend)(nil)

// CreateNetwork implements vzcontract.Networks.
func (b *Backend) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
	info, err := b.nets.Create(ctx, cfg)
	if err == nil {
		b.noteNetwork("create", info, "")
	}
	return info, err
}

// ListNetworks implements vzcontract.Networks.
func (b *Backend) ListNetworks(ctx context.Context) ([]vzcontract.NetworkInfo, error) {
	return b.nets.List(ctx)
}

// InspectNetwork implements vzcontract.Networks.
func (b *Backend) InspectNetwork(ctx context.Context, network string) (vzcontract.NetworkInfo, error) {
	return b.nets.Inspect(ctx, network)
}

// noteNetwork notes what happened to a network, and with which container.
func (b *Backend) noteNetwork(action string, n vzcontract.NetworkInfo, container string) {
	e := vzcontract.Event{Type: "network", Action: action, ID: n.ID, Attributes: map[string]string{"name": n.Name, "type": n.Driver}}
	if container != "" {
		e.Attributes["container"] = container
	}
	b.note(e)
}

// RemoveNetwork implements vzcontract.Networks.
func (b *Backend) RemoveNetwork(ctx context.Context, network string) error {
	info, err := b.nets.Inspect(ctx, network)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return b.nets.Remove(ctx, network) // which says so
	}
	if err != nil {
		return err
	}
	if err := b.nets.Remove(ctx, network); err != nil {
		return err
	}
	b.noteNetwork("destroy", info, "")
	return nil
}

// PruneNetworks implements vzcontract.Networks.
func (b *Backend) PruneNetworks(ctx context.Context) (vzcontract.PruneReport, error) {
	return b.nets.Prune(ctx)
}

// ConnectNetwork implements vzcontract.Networks.
func (b *Backend) ConnectNetwork(ctx context.Context, ref string, at vzcontract.NetworkAttach) error {
	return b.settled(ctx, "connect", ref, func(c *container) error {
		info, err := b.nets.Inspect(ctx, at.Network)
		if err != nil {
			return err
		}
		at.Network = info.Name
		switch {
		case c.orphaned:
			return errOrphaned
		case record.Shared(c.cfg.Run):
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container shares the network namespace of %s", c.cfg.Run.NetworkMode)
		case slices.ContainsFunc(record.Attachments(record.RunConfig(c.cfg, c.st), c.st), named(at.Network)):
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container is on network %s already", at.Network)
		case c.st.Live():
			if err := b.ask(ctx, c.cfg.ID, &wire.Message{Op: wire.Join, Network: &at}); err != nil {
				return err
			}
		}
		_, err = b.store.Update(c.cfg.ID, func(st *record.State) error {
			st.Attach = append(st.Attach, at)
			return nil
		})
		if err == nil {
			b.noteNetwork("connect", info, c.cfg.ID)
		}
		return err
	})
}

// DisconnectNetwork implements vzcontract.Networks.
func (b *Backend) DisconnectNetwork(ctx context.Context, ref, network string) error {
	return b.settled(ctx, "disconnect", ref, func(c *container) error {
		info, err := b.nets.Inspect(ctx, network)
		if err != nil {
			return err
		}
		name := info.Name
		switch {
		case c.orphaned:
			return errOrphaned
		case !slices.ContainsFunc(record.Attachments(record.RunConfig(c.cfg, c.st), c.st), named(name)):
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container is not on network %s", name)
		case c.st.Live():
			err := b.ask(ctx, c.cfg.ID, &wire.Message{Op: wire.Leave, Network: &vzcontract.NetworkAttach{Network: name}})
			if err != nil {
				return err
			}
		}
		_, err = b.store.Update(c.cfg.ID, func(st *record.State) error {
			before := len(st.Attach)
			st.Attach = slices.DeleteFunc(st.Attach, named(name))
			if len(st.Attach) == before {
				st.Detach = append(st.Detach, name)
			}
			return nil
		})
		if err == nil {
			b.noteNetwork("disconnect", info, c.cfg.ID)
		}
		return err
	})
}

// ReleaseNetworks frees what a container of another backend has on record whose
// process was killed: addresses, ports, interfaces.
func (b *Backend) ReleaseNetworks(ctx context.Context, id string) error {
	return b.nets.Release(ctx, id)
}

func named(name string) func(vzcontract.NetworkAttach) bool {
	return func(at vzcontract.NetworkAttach) bool { return at.Network == name }
}

// NetworkObstacles says, by network, why the host does not route what its
// containers send out, and what works all the same.
func (b *Backend) NetworkObstacles(ctx context.Context) (map[string]string, error) {
	return b.nets.Obstacles(ctx)
}

// HostSettings lists the kernel settings of the host that were changed for
// networks since its start, as "net/ipv4/ip_forward 0 -> 1".
func (b *Backend) HostSettings() ([]string, error) { return b.nets.Sysctls() }
