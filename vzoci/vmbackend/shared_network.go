package vmbackend

import (
	"context"
	"errors"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// sharedNetworks are those in the guests of shared machines.
type sharedNetworks struct{ *Backend }

var _ vzcontract.Networks = sharedNetworks{}

// CreateNetwork implements vzcontract.Networks, in the machine that cfg names.
func (b sharedNetworks) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
	info, err := b.create(ctx, cfg)
	return info, networkFailure("create", cfg.Name, err)
}

func (b sharedNetworks) create(ctx context.Context, cfg vzcontract.NetworkConfig) (info vzcontract.NetworkInfo, err error) {
	r, err := b.store.Shared(cfg.SharedVM)
	if err != nil {
		return info, err
	}
	c, release, err := b.boot(ctx, r.ID)
	if err != nil {
		return info, err
	}
	defer release()
	lock, err := b.store.LockAll(ctx)
	if err != nil {
		return info, err
	}
	defer lock.Close()
	if _, _, err := b.named(cfg.Name); err == nil {
		return info, vzcontract.Errorf(vzcontract.ErrConflict, "the name is in use")
	}
	inside := cfg
	inside.SharedVM = ""
	if info, err = c.CreateNetwork(ctx, inside); err != nil {
		return info, err
	}
	info.SharedVM = cfg.SharedVM
	if r, err = b.store.Open(r.ID); err != nil {
		return info, err
	}
	r.Networks = append(r.Networks, info)
	return info, b.store.Save(r)
}

// named finds a network by name or id.
func (b sharedNetworks) named(ref string) (vzcontract.NetworkInfo, guest.Record, error) {
	all, err := b.store.AllShared()
	if err != nil {
		return vzcontract.NetworkInfo{}, guest.Record{}, err
	}
	for _, r := range all {
		for _, n := range r.Networks {
			if n.Name == ref || n.ID == ref {
				return n, r, nil
			}
		}
	}
	return vzcontract.NetworkInfo{}, guest.Record{}, vzcontract.Errorf(vzcontract.ErrNotFound, "no such network")
}

// ListNetworks implements vzcontract.Networks.
func (b sharedNetworks) ListNetworks(ctx context.Context) ([]vzcontract.NetworkInfo, error) {
	machines, err := b.store.AllShared()
	if err != nil {
		return nil, networkFailure("list", "", err)
	}
	var all []vzcontract.NetworkInfo
	for _, r := range machines {
		for _, n := range r.Networks {
			if n.Containers, err = b.endpoints(ctx, r.ID, n.ID); err != nil {
				return nil, networkFailure("list", "", err)
			}
			all = append(all, n)
		}
	}
	return all, nil
}

// endpoints are the places that the running containers of a machine have on a network.
func (b sharedNetworks) endpoints(ctx context.Context, machine guest.ID, network string) (map[string]vzcontract.NetworkEndpoint, error) {
	if phase, err := b.store.Phase(machine); err != nil || phase == vzcontract.PhaseShutdown {
		return nil, err
	}
	all, err := b.machines(ctx)
	places := map[string]vzcontract.NetworkEndpoint{}
	for _, m := range all {
		for _, at := range m.state.Info.Networks {
			if m.record.In == machine && at.NetworkID == network && at.IPv4 != "" {
				places[m.state.Info.ID] = at
			}
		}
	}
	return places, err
}

// InspectNetwork implements vzcontract.Networks.
func (b sharedNetworks) InspectNetwork(ctx context.Context, network string) (vzcontract.NetworkInfo, error) {
	n, r, err := b.named(network)
	if err == nil {
		n.Containers, err = b.endpoints(ctx, r.ID, n.ID)
	}
	return n, networkFailure("inspect", network, err)
}

// RemoveNetwork implements vzcontract.Networks. That of a machine that does not run
// goes from its guest when that boots.
func (b sharedNetworks) RemoveNetwork(ctx context.Context, network string) error {
	return networkFailure("remove", network, b.remove(ctx, network))
}

func (b sharedNetworks) remove(ctx context.Context, network string) error {
	n, r, err := b.named(network)
	if err != nil {
		return err
	}
	c, release, err := b.reach(ctx, r.ID)
	switch {
	case err == nil:
		defer release()
		if err := c.RemoveNetwork(ctx, n.Name); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	case !errors.Is(err, vzcontract.ErrConflict):
		return err
	}
	lock, err := b.store.LockAll(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	if r, err = b.store.Open(r.ID); err != nil {
		return err
	}
	r.Networks = slices.DeleteFunc(r.Networks, func(o vzcontract.NetworkInfo) bool { return o.ID == n.ID })
	return b.store.Save(r)
}

// PruneNetworks implements vzcontract.Networks.
func (b sharedNetworks) PruneNetworks(ctx context.Context) (report vzcontract.PruneReport, err error) {
	all, err := b.ListNetworks(ctx)
	if err != nil {
		return report, err
	}
	used, err := b.wanted(ctx)
	if err != nil {
		return report, err
	}
	for _, n := range all {
		if used[n.Name] || used[n.ID] {
			continue
		}
		err := b.RemoveNetwork(ctx, n.Name)
		if errors.Is(err, vzcontract.ErrConflict) || errors.Is(err, vzcontract.ErrNotFound) {
			continue
		}
		if err != nil {
			return report, err
		}
		report.Removed = append(report.Removed, n.Name)
	}
	return report, nil
}

// wanted are the networks that a container is, or will be, on.
func (b sharedNetworks) wanted(ctx context.Context) (map[string]bool, error) {
	all, err := b.machines(ctx)
	names := map[string]bool{}
	for _, m := range all {
		names[m.record.Config.NetworkMode] = true
		for _, at := range m.record.Config.Networks {
			names[at.Network] = true
		}
		for _, at := range m.state.Info.Networks {
			names[at.Network] = true
		}
	}
	return names, err
}

// ConnectNetwork implements vzcontract.Networks.
func (b sharedNetworks) ConnectNetwork(ctx context.Context, ref string, at vzcontract.NetworkAttach) error {
	return b.onNetwork(ctx, "connect", ref, func(c *connection, id string) error { return c.ConnectNetwork(ctx, id, at) })
}

// DisconnectNetwork implements vzcontract.Networks.
func (b sharedNetworks) DisconnectNetwork(ctx context.Context, ref, network string) error {
	return b.onNetwork(ctx, "disconnect", ref, func(c *connection, id string) error { return c.DisconnectNetwork(ctx, id, network) })
}

func (b sharedNetworks) onNetwork(ctx context.Context, op, ref string, do func(c *connection, id string) error) error {
	return b.on(ctx, op, ref, true, do)
}

func networkFailure(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &vzcontract.Error{Op: op, Kind: "network", Name: name, Class: vzcontract.SentinelOf(vzcontract.CodeOf(err)), Err: err}
}
