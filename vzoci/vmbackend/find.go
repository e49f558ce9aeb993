package vmbackend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// A machine is what is kept of one.
type machine struct {
	record guest.Record
	state  guest.State
	added  []guest.Added
}

// machines returns all that have a container.
func (b *Backend) machines(ctx context.Context) ([]machine, error) {
	if err := b.endLeases(ctx); err != nil {
		return nil, err
	}
	ids, err := b.store.List()
	if err != nil {
		return nil, err
	}
	var all []machine
	for _, id := range ids {
		m, err := b.load(id)
		if errors.Is(err, vzcontract.ErrNotFound) {
			continue // it is being removed
		}
		if err != nil {
			b.log.Warn("damaged record of a machine", "machine", id, "error", err)
			continue
		}
		if m.state.Info.ID != "" && !m.state.Gone {
			all = append(all, m)
		}
	}
	return all, nil
}

func (b *Backend) load(id guest.ID) (machine, error) {
	record, err := b.store.Open(id)
	if err != nil {
		return machine{}, err
	}
	m := machine{record: record}
	if m.state, err = b.store.State(id); err == nil {
		m.added, err = b.store.Added(id)
	}
	return m, err
}

// find returns the machine of a container: by name, id, or the beginning of one.
func (b *Backend) find(ctx context.Context, op, ref string) (machine, error) {
	all, err := b.machines(ctx)
	if err != nil {
		return machine{}, failure(op, ref, err)
	}
	var found []machine
	plain := strings.TrimPrefix(ref, "/")
	for _, m := range all {
		info := m.state.Info
		if info.Name == plain || info.ID == plain {
			return m, nil
		}
		if plain != "" && strings.HasPrefix(info.ID, plain) {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return machine{}, failure(op, ref, vzcontract.Errorf(vzcontract.ErrNotFound, "no such container"))
	case 1:
		return found[0], nil
	}
	return machine{}, failure(op, ref, vzcontract.Errorf(vzcontract.ErrValidation, "%d containers have an id that begins so", len(found)))
}

// Find returns the id of a container, and whether ref is its name or id and no
// beginning of one.
func (b *Backend) Find(ctx context.Context, ref string) (id string, exact bool, err error) {
	m, err := b.find(ctx, "find", ref)
	info, plain := m.state.Info, strings.TrimPrefix(ref, "/")
	return info.ID, err == nil && (info.Name == plain || info.ID == plain), err
}

// present returns what a container is now.
func (b *Backend) present(ctx context.Context, m machine) (vzcontract.ContainerInfo, error) {
	c, release, err := b.reach(ctx, m.record.Machine())
	if err == nil {
		defer release()
		var state guest.State
		if state, err = c.refresh(ctx, m.record.ID); err == nil {
			m.state = state
		}
	}
	switch {
	case errors.Is(err, vzcontract.ErrConflict), errors.Is(err, vzcontract.ErrUnavailable):
		// The machine has ended meanwhile, or did not run.
		if m, err = b.load(m.record.ID); err != nil {
			return vzcontract.ContainerInfo{}, err
		}
		m.state.Info = interrupted(m.state.Info)
		m.state.Ports, m.state.Networks = nil, nil
	case err != nil:
		return vzcontract.ContainerInfo{}, err
	}
	if m.state.Gone {
		return vzcontract.ContainerInfo{}, vzcontract.Errorf(vzcontract.ErrNotFound, "no such container")
	}
	return m.info(), nil
}

// interrupted is a container whose machine does not run: one that did when last
// seen has ended with it.
func interrupted(info vzcontract.ContainerInfo) vzcontract.ContainerInfo {
	if info.State != vzcontract.StateRunning && info.State != vzcontract.StatePaused {
		return info
	}
	info.State, info.PID, info.Restarting = vzcontract.StateStopped, 0, false
	info.Exit = &vzcontract.ExitStatus{Code: 255, Unknown: true}
	info.StoppedAt = time.Now().UTC()
	var networks []vzcontract.NetworkEndpoint
	for _, at := range info.Networks {
		networks = append(networks, vzcontract.NetworkEndpoint{Network: at.Network, Aliases: at.Aliases})
	}
	info.Networks = networks
	return info
}

// info is what the guest tells, as the caller knows it.
func (m machine) info() vzcontract.ContainerInfo {
	info := m.state.Info
	given := m.record.Config
	info.Backend = Name
	info.Config.SharedVM, info.Config.Annotations = given.SharedVM, given.Annotations
	info.Ports = m.state.Ports
	info.Config.Rootfs, info.Config.Ports, info.Config.Mounts = given.Rootfs, given.Ports, append(slices.Clip(given.Mounts), m.later()...)
	info.Config.Pull, info.Config.Platform, info.Config.PublishAll = given.Pull, given.Platform, given.PublishAll
	info.Config.Isolation, info.Config.Egress = given.Isolation, given.Egress
	info.Config.Resources.Disk = given.Resources.Disk
	info.LogPath = "" // it lies on the guest's disk
	if m.record.Cards {
		m.joined(&info)
	}
	info.Mounts = m.mounts(info.Mounts)
	return info
}

// Inspect implements vzcontract.Containers.
func (b *Backend) Inspect(ctx context.Context, ref string) (vzcontract.ContainerInfo, error) {
	m, err := b.find(ctx, "inspect", ref)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	info, err := b.present(ctx, m)
	return info, failure("inspect", ref, err)
}

// List implements vzcontract.Containers.
func (b *Backend) List(ctx context.Context) ([]vzcontract.ContainerInfo, error) {
	all, err := b.machines(ctx)
	if err != nil {
		return nil, err
	}
	infos := make([]vzcontract.ContainerInfo, len(all))
	var work errgroup.Group
	work.SetLimit(16)
	for i, m := range all {
		work.Go(func() error {
			info, err := b.present(ctx, m)
			if errors.Is(err, vzcontract.ErrNotFound) {
				return nil
			}
			infos[i] = info
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	infos = slices.DeleteFunc(infos, func(i vzcontract.ContainerInfo) bool { return i.ID == "" })
	slices.SortFunc(infos, func(a, b vzcontract.ContainerInfo) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return infos, nil
}

// on finds a container, boots its machine if need be, and does something there.
// after says that it may have changed what is known of the container.
func (b *Backend) on(ctx context.Context, op, ref string, after bool, do func(c *connection, id string) error) error {
	m, err := b.find(ctx, op, ref)
	if err != nil {
		return err
	}
	return b.at(ctx, op, ref, m, after, do)
}

// at is on for a container that was found.
func (b *Backend) at(ctx context.Context, op, ref string, m machine, after bool, do func(c *connection, id string) error) error {
	c, release, err := b.boot(ctx, m.record.Machine())
	if err == nil {
		defer release()
		err = do(c, m.state.Info.ID)
	}
	if err == nil && after {
		_, err = c.refresh(ctx, m.record.ID)
		if errors.Is(err, vzcontract.ErrUnavailable) {
			err = nil // it was done, and the machine has ended with it
		}
	}
	if errors.Is(err, vzcontract.ErrUnavailable) {
		// The machine may have ended because its container was removed.
		if _, gone := b.find(ctx, op, m.state.Info.ID); errors.Is(gone, vzcontract.ErrNotFound) {
			err = gone
		}
	}
	return failure(op, ref, err)
}
