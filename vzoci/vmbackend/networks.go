package vmbackend

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

var _ vzcontract.Networks = (*Backend)(nil)

// Networks are those of a host.
type Networks interface {
	CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error)
	ListNetworks(ctx context.Context) ([]vzcontract.NetworkInfo, error)
	InspectNetwork(ctx context.Context, network string) (vzcontract.NetworkInfo, error)
	RemoveNetwork(ctx context.Context, network string) error
	PruneNetworks(ctx context.Context) (vzcontract.PruneReport, error)
	// ReleaseNetworks frees what a container has whose process was killed.
	ReleaseNetworks(ctx context.Context, container string) error
}

// noNetworks says why the host's networks cannot be joined.
func (b *Backend) noNetworks() error {
	const here = "each container has a machine with a network of its own; those of a shared machine have its networks"
	if b.opts.NoNetworks != nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, here+": %w", b.opts.NoNetworks)
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, here)
}

// release frees what a container had of the host's networks whose process was killed.
func (o *Options) release(ctx context.Context, container string) error {
	if o.Networks == nil {
		return nil // who joined them could, and can repair
	}
	return o.Networks.ReleaseNetworks(ctx, container)
}

// CreateNetwork implements vzcontract.Networks: in the shared machine that cfg names,
// else on the host.
func (b *Backend) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
	switch {
	case cfg.SharedVM != "":
		return sharedNetworks{b}.CreateNetwork(ctx, cfg)
	case b.opts.Networks == nil:
		return vzcontract.NetworkInfo{}, networkFailure("create", cfg.Name, b.noNetworks())
	}
	return b.opts.Networks.CreateNetwork(ctx, cfg)
}

// ListNetworks implements vzcontract.Networks.
func (b *Backend) ListNetworks(ctx context.Context) (all []vzcontract.NetworkInfo, err error) {
	if b.opts.Networks != nil {
		if all, err = b.opts.Networks.ListNetworks(ctx); err != nil {
			return nil, err
		}
	}
	more, err := sharedNetworks{b}.ListNetworks(ctx)
	return append(all, more...), err
}

// InspectNetwork implements vzcontract.Networks.
func (b *Backend) InspectNetwork(ctx context.Context, network string) (vzcontract.NetworkInfo, error) {
	if b.opts.Networks != nil {
		info, err := b.opts.Networks.InspectNetwork(ctx, network)
		if !errors.Is(err, vzcontract.ErrNotFound) {
			return info, err
		}
	}
	return sharedNetworks{b}.InspectNetwork(ctx, network)
}

// RemoveNetwork implements vzcontract.Networks.
func (b *Backend) RemoveNetwork(ctx context.Context, network string) error {
	if b.opts.Networks != nil {
		if err := b.opts.Networks.RemoveNetwork(ctx, network); !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	}
	return sharedNetworks{b}.RemoveNetwork(ctx, network)
}

// PruneNetworks implements vzcontract.Networks.
func (b *Backend) PruneNetworks(ctx context.Context) (report vzcontract.PruneReport, err error) {
	if b.opts.Networks != nil {
		if report, err = b.opts.Networks.PruneNetworks(ctx); err != nil {
			return report, err
		}
	}
	more, err := sharedNetworks{b}.PruneNetworks(ctx)
	report.Removed = append(report.Removed, more.Removed...)
	return report, err
}

// ConnectNetwork implements vzcontract.Networks. A guest that runs gets one more card.
func (b *Backend) ConnectNetwork(ctx context.Context, ref string, at vzcontract.NetworkAttach) error {
	m, err := b.find(ctx, "connect", ref)
	if err != nil {
		return err
	}
	if m.record.In != "" {
		return sharedNetworks{b}.ConnectNetwork(ctx, ref, at)
	}
	return b.changeNetworks(ctx, "connect", ref, m, at, guest.MethodConnect, func(r *guest.Record, at vzcontract.NetworkAttach) error { return r.Connect(at) })
}

// DisconnectNetwork implements vzcontract.Networks.
func (b *Backend) DisconnectNetwork(ctx context.Context, ref, network string) error {
	m, err := b.find(ctx, "disconnect", ref)
	if err != nil {
		return err
	}
	if m.record.In != "" {
		return sharedNetworks{b}.DisconnectNetwork(ctx, ref, network)
	}
	at := vzcontract.NetworkAttach{Network: network}
	return b.changeNetworks(ctx, "disconnect", ref, m, at, guest.MethodDisconnect, func(r *guest.Record, at vzcontract.NetworkAttach) error { return r.Disconnect(at.Network) })
}

// changeNetworks has the machine that runs do method, or notes the change for the next
// run.
func (b *Backend) changeNetworks(ctx context.Context, op, ref string, m machine, at vzcontract.NetworkAttach, method string, note func(*guest.Record, vzcontract.NetworkAttach) error) error {
	switch {
	case b.opts.Networks == nil:
		return failure(op, ref, b.noNetworks())
	case !m.record.Cards:
		return failure(op, ref, vzcontract.Errorf(vzcontract.ErrUnsupported, "its machine was made with a network of its own"))
	}
	info, err := b.opts.Networks.InspectNetwork(ctx, at.Network)
	if err != nil {
		return failure(op, ref, err)
	}
	at.Network = info.Name
	for wait := firstTry; ; wait = min(2*wait, lastTry) {
		c, release, err := b.reach(ctx, m.record.ID)
		if err == nil {
			err = c.control.Call(ctx, method, guest.Attach{Of: guest.Of{Record: m.record.ID}, At: at}, nil)
			release()
			return failure(op, ref, err)
		}
		if errors.Is(err, vzcontract.ErrConflict) {
			err = b.noteNetworks(m.record.ID, func(r *guest.Record) error { return note(r, at) })
		}
		if !errors.Is(err, errMachineBusy) {
			return failure(op, ref, err)
		}
		select { // it starts or ends just now
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errMachineBusy = vzcontract.Errorf(vzcontract.ErrConflict, "the machine starts or ends just now")

// noteNetworks changes the record of a machine that does not run.
func (b *Backend) noteNetworks(id guest.ID, note func(*guest.Record) error) error {
	lock, err := b.store.TryLock(id)
	if errors.Is(err, vzcontract.ErrConflict) {
		return errMachineBusy
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	r, err := b.store.Open(id)
	if err == nil {
		err = note(&r)
	}
	if err != nil {
		return err
	}
	return b.store.Save(r)
}

// checkNetworks looks whether the networks of a new container are there, and gives them
// their names.
func (b *Backend) checkNetworks(ctx context.Context, r *guest.Record) error {
	if n := len(r.Attachments()); n > config.MaxCards {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%d networks: a machine has at most %d cards", n, config.MaxCards)
	}
	return r.Config.NameNetworks(func(ref string) (string, error) {
		if ref == "bridge" {
			return ref, nil // made when it is needed
		}
		info, err := b.opts.Networks.InspectNetwork(ctx, ref)
		return info.Name, err
	})
}

// joinGuest gives the container the guest's network as its own, for that will be what
// the host gives it.
func joinGuest(run *vzcontract.RunConfig) {
	run.NetworkMode, run.Networks, run.MACAddress, run.Expose, run.ExtraHosts, run.DNS = "host", nil, "", nil, nil, vzcontract.DNSConfig{}
	run.Sysctls = maps.Clone(run.Sysctls)
	maps.DeleteFunc(run.Sysctls, func(name, _ string) bool { return guest.OfNetwork(name) })
}

// etcFiles are the files in /etc that follow the container's networks.
var etcFiles = []string{"hosts", "hostname", "resolv.conf"}

// mountEtc mounts the files in /etc that the host writes, but those that the container
// has mounts for.
func mountEtc(r *guest.Record) {
	for _, name := range etcFiles {
		if target := "/etc/" + name; !mountedAt(r, target) {
			r.Run.Mounts = append(r.Run.Mounts, vzcontract.Mount{Type: vzcontract.MountBind, Source: path.Join(agentproto.NetworkDir, name), Target: target})
		}
	}
}

// joined makes of what the guest tells what is true on the host.
func (m machine) joined(info *vzcontract.ContainerInfo) {
	given, config := m.record.Config, &info.Config
	config.NetworkMode, config.Networks, config.MACAddress = given.NetworkMode, given.Networks, given.MACAddress
	config.Expose, config.ExtraHosts, config.DNS, config.Sysctls = given.Expose, given.ExtraHosts, given.DNS, given.Sysctls
	info.Networks = m.state.Networks
	if len(info.Networks) == 0 {
		info.Networks = vzcontract.ConfiguredEndpoints(given.NetworkMode, m.record.Attachments())
	}
	info.Mounts = slices.DeleteFunc(slices.Clone(info.Mounts), func(at vzcontract.MountInfo) bool { return path.Dir(at.Source) == agentproto.NetworkDir })
}
