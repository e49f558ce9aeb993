package vmbackend

import (
	"context"
	"errors"
	"os"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzoci/vmbackend/internal/guest"
	"vz.internal/vzoci/vmbackend/warm"
)

// Create implements vzcontract.Containers. It boots the machine: only its guest can
// tell whether the container can be made.
func (b *Backend) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	info, err := b.create(ctx, cfg)
	return info, failure("create", cfg.Name, err)
}

func (b *Backend) create(ctx context.Context, cfg vzcontract.RunConfig) (info vzcontract.ContainerInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	if err := cfg.Validate(); err != nil {
		return info, err
	}
	if err := refuse(cfg); err != nil {
		return info, err
	}
	r := guest.Record{ID: guest.NewID(), Created: time.Now().UTC(), Config: cfg, Run: cfg, Bundle: b.opts.Bundle}
	r.CPUs, r.Memory = size(cfg.Resources)
	if cfg.NetworkMode != "none" {
		r.MAC = config.RandomMAC()
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
	if err := b.reserve(ctx, r); err != nil {
		return info, err
	}
	if warm.At(b.opts.Home).Empty() { // else the machine's owner does, if it needs to
		if err := b.opts.Format(ctx, b.store.Disk(r.ID)); err != nil {
			return info, err
		}
	}
	c, release, err := b.boot(ctx, r.ID)
	if err != nil {
		return info, err
	}
	defer release()
	if _, err := c.Create(ctx, r.Run); err != nil {
		return info, err
	}
	state, err := c.refresh(ctx)
	if err != nil {
		return info, err
	}
	return machine{record: r, state: state}.info(), nil
}

// undoTime bounds how long it takes to remove what a failed Create has made.
const undoTime = 30 * time.Second

func (b *Backend) undo(ctx context.Context, r guest.Record) error {
	err := b.volumes.remove(r.AnonymousVolumes())
	if _, missing := os.Stat(b.store.Dir(r.ID)); missing == nil {
		return errors.Join(err, b.discard(ctx, r.ID))
	}
	return errors.Join(err, b.release(ctx, r.ID, len(r.Images)))
}

// reserve makes the record, and with it the name taken.
func (b *Backend) reserve(ctx context.Context, r guest.Record) error {
	lock, err := b.store.LockAll(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	if r.Config.Name != "" {
		if err := b.nameFree(ctx, r.Config.Name, r.ID); err != nil {
			return err
		}
	}
	return b.store.Make(r)
}

// nameFree fails with vzcontract.ErrConflict if another container has the name, or
// is being made with it.
func (b *Backend) nameFree(_ context.Context, name string, except guest.ID) error {
	ids, err := b.store.List()
	if err != nil {
		return err
	}
	for _, id := range ids {
		m, err := b.load(id)
		if id == except || err != nil || m.state.Gone {
			continue
		}
		has := m.state.Info.Name
		if m.state.Info.ID == "" {
			has = m.record.Config.Name
		}
		if has == name {
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
func refuse(cfg vzcontract.RunConfig) error {
	no := func(what string) error {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: the container has a virtual machine of its own", what)
	}
	switch cfg.NetworkMode {
	case "", "bridge", "none":
	default:
		return no("network " + cfg.NetworkMode)
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
	case len(cfg.Networks) > 0:
		return no("networks")
	case len(cfg.Devices) > 0:
		return no("devices of the host")
	case ns.CgroupParent != "":
		return no("a cgroup of the host")
	}
	return nil
}
