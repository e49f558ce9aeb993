package vmbackend

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Create implements vzcontract.Containers. It boots the machine: only its guest can
// tell whether the container can be made.
func (b *Backend) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	info, err := b.create(ctx, cfg, nil)
	return info, failure("create", cfg.Name, err)
}

// create makes a container, with the files of a checkpoint unless from is nil.
func (b *Backend) create(ctx context.Context, cfg vzcontract.RunConfig, from *guest.Origin) (info vzcontract.ContainerInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	if err := cfg.Validate(); err != nil {
		return info, err
	}
	if err := cfg.CheckIsolation(b.Isolation()); err != nil {
		return info, err
	}
	r := guest.Record{ID: guest.NewID(), Created: time.Now().UTC(), Config: cfg, Run: cfg}
	if cfg.SharedVM != "" {
		err = b.lodge(&r, cfg.SharedVM)
	} else {
		r.From = from
		err = b.house(ctx, &r)
	}
	if err != nil {
		return info, err
	}
	defer func() {
		if err != nil {
			undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
			defer cancel()
			err = errors.Join(err, b.undo(undo, r))
		}
	}()
	if err := b.resolve(ctx, &r); err != nil {
		return info, err
	}
	making, err := b.reserve(ctx, r)
	if err != nil {
		return info, err
	}
	defer making.Close()
	c, release, err := b.boot(ctx, r.Machine())
	if err != nil {
		return info, err
	}
	defer release()
	if r.In != "" {
		if err := c.control.Call(ctx, guest.MethodAdmit, guest.Of{Record: r.ID}, nil); err != nil {
			return info, err
		}
	}
	if from == nil {
		_, err = c.Create(ctx, r.Run)
	} else {
		_, err = c.ForkAs(ctx, from.Container, from.Checkpoint, r.Run)
	}
	if err != nil {
		return info, unknownNetwork(err, cfg.SharedVM)
	}
	state, err := c.refresh(ctx, r.ID)
	if err != nil {
		return info, err
	}
	if r.From != nil {
		if err := c.Remove(ctx, from.Container, vzcontract.RemoveOptions{Force: true}); err != nil {
			return info, err
		}
	}
	return machine{record: r, state: state}.info(), nil
}

// house makes r the record of a container with a machine of its own.
func (b *Backend) house(ctx context.Context, r *guest.Record) error {
	if err := b.refuse(r.Config); err != nil {
		return err
	}
	r.Bundle = b.opts.Bundle
	r.CPUs, r.Memory = size(r.Config.Resources)
	r.Disk, r.Run.Resources.Disk = r.Config.Resources.Disk, 0 // the machine's, of which the guest knows nothing
	if r.Cards = b.opts.Networks != nil; r.Cards {
		return b.checkNetworks(ctx, r)
	}
	if r.Config.NetworkMode != "none" {
		r.MAC = config.RandomMAC()
	}
	return nil
}

// undoTime bounds how long it takes to remove what a failed Create has made.
const undoTime = 30 * time.Second

func (b *Backend) undo(ctx context.Context, r guest.Record) error {
	err := b.removeAnonymous(ctx, r.AnonymousVolumes())
	if _, missing := os.Stat(b.store.Dir(r.ID)); missing == nil {
		return errors.Join(err, b.discard(ctx, r))
	}
	return errors.Join(err, b.release(ctx, r.ID, len(r.Images)))
}

// reserve makes the record, and with it the name taken. What it returns tells that the
// container is being made, until it is closed or this process has ended.
func (b *Backend) reserve(ctx context.Context, r guest.Record) (making io.Closer, err error) {
	lock, err := b.store.LockAll(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := b.nameFree(ctx, r.Config.Name, r.ID); err != nil {
		return nil, err
	}
	if r.In != "" {
		if _, err := b.store.Open(r.In); err != nil {
			return nil, err // it was shut down meanwhile
		}
	}
	if err := b.store.Make(r); err != nil {
		return nil, err
	}
	return b.store.TryMaking(r.ID)
}

// nameFree fails with vzcontract.ErrConflict if another container has the name, or
// is being made with it. What is left of makings that were interrupted is removed. The
// caller holds the lock of names.
func (b *Backend) nameFree(ctx context.Context, name string, except guest.ID) error {
	ids, err := b.store.List()
	if err != nil {
		return err
	}
	for _, id := range ids {
		m, err := b.load(id)
		if id == except || err != nil || m.state.Gone || m.record.Shared != "" {
			continue
		}
		has := m.state.Info.Name
		if m.state.Info.ID == "" {
			if err := b.sweep(ctx, m.record); err == nil || errors.Is(err, vzcontract.ErrNotFound) {
				continue
			}
			has = m.record.Config.Name
		}
		if name != "" && has == name {
			return vzcontract.Errorf(vzcontract.ErrConflict, "the name %q is in use", name)
		}
	}
	return nil
}

// The sizes of a machine. Its memory has room for the guest itself.
const (
	defaultCPUs   = 2
	defaultMemory = 512 * config.MiB
	guestMemory   = 160 * config.MiB
)

func size(r vzcontract.Resources) (cpus int, memory uint64) {
	cpus, memory = defaultCPUs, defaultMemory
	if r.NanoCPUs > 0 {
		cpus = int(min((r.NanoCPUs+1e9-1)/1e9, config.MaxCPUs))
	}
	if r.Memory > 0 {
		memory = max(memory, uint64(r.Memory)+guestMemory)
	}
	return cpus, (memory + config.MiB - 1) / config.MiB * config.MiB
}

// refuse refuses what a machine of one container cannot have.
func (b *Backend) refuse(cfg vzcontract.RunConfig) error {
	no := func(what string) error {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: the container has a virtual machine of its own", what)
	}
	switch mode := cfg.NetworkMode; {
	case mode == "host" || strings.HasPrefix(mode, "container:"):
		return no("network " + mode)
	case b.opts.Networks == nil && (len(cfg.Networks) > 0 || mode != "" && mode != "bridge" && mode != "none"):
		return b.noNetworks()
	case b.opts.Networks == nil && cfg.Egress != nil && mode != "none":
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "egress policy: nothing enforces it: %w", b.noNetworks())
	}
	ns := cfg.Namespaces
	for what, mode := range map[string]string{"pid": ns.PID, "ipc": ns.IPC, "uts": ns.UTS, "cgroup": ns.Cgroup, "user": ns.User} {
		switch mode {
		case "", "private", "none", "shareable":
		default:
			return no(what + " namespace " + mode)
		}
	}
	switch {
	case len(cfg.Devices) > 0:
		return no("devices of the host")
	case ns.CgroupParent != "":
		return no("a cgroup of the host")
	}
	return nil
}
