package vzlinuxnative

import (
	"context"
	"path"

	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
	"vz.internal/vzlinuxnative/internal/wire"
)

// removeDamaged removes a container whose record cannot be read, by force.
func (b *Backend) removeDamaged(ctx context.Context, ref string) error {
	id, err := b.store.Find(ref)
	if err != nil {
		return err
	}
	cfg, err := b.store.Config(id)
	if err != nil {
		cfg = lostConfig(id)
	}
	ctx = context.WithoutCancel(ctx)
	_ = b.ask(ctx, id, &wire.Message{Op: wire.Stop, Signal: "KILL"}) // a monitor may not live, or not succeed
	if err := b.cleanUp(ctx, cfg); err != nil {
		return err
	}
	lock, err := b.takeMonitorLock(ctx, id) // without its container the monitor ends
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := b.cleanUp(ctx, cfg); err != nil {
		return err
	}
	if err := rootfs.Remove(b.store.Dir(id)); err != nil {
		return err
	}
	if err := b.store.RemoveDamaged(id); err != nil {
		return err
	}
	return b.releaseImages(ctx, cfg)
}

// lostConfig is what is known of a container without its record.
func lostConfig(id string) *record.Config {
	cfg := &record.Config{ID: id}
	if cgroup.Denied() == "" {
		cfg.CgroupsPath = path.Join(cgroup.Base(), "vz", id)
	}
	return cfg
}
