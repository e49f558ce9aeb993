package vzlinuxnative

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine/libct"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
	"vz.internal/vzlinuxnative/internal/wire"
)

// Remove implements vzcontract.Containers.
func (b *Backend) Remove(ctx context.Context, ref string, opts vzcontract.RemoveOptions) error {
	err := b.settled(ctx, "remove", ref, func(c *container) error {
		if !opts.Force {
			if _, err := c.st.State.Next(vzcontract.StepRemove); err != nil {
				return err
			}
			if c.st.Restarting {
				return vzcontract.Errorf(vzcontract.ErrConflict, "the container is restarting: stop it first, or force")
			}
		}
		if opts.Force {
			if err := b.end(ctx, c); err != nil {
				return err
			}
		}
		return b.discard(ctx, c, opts.Volumes)
	})
	damaged := new(record.DamagedError)
	if opts.Force && errors.As(err, &damaged) {
		return failure("remove", ref, b.removeDamaged(ctx, ref))
	}
	return err
}

// end kills what runs, by force.
func (b *Backend) end(ctx context.Context, c *container) error {
	if c.down() && !c.tended {
		return nil
	}
	if c.orphaned {
		return b.signalOrphan(c, unix.SIGKILL)
	}
	if c.down() && !b.monitorLives(c.cfg.ID) {
		return nil // what is left of a start is cleaned up
	}
	return b.ask(ctx, c.cfg.ID, &wire.Message{Op: wire.Stop, Signal: "KILL"})
}

// discard removes a container that does not run.
func (b *Backend) discard(ctx context.Context, c *container, volumes bool) error {
	id := c.cfg.ID
	lock, err := b.takeMonitorLock(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Close()
	st, err := b.store.State(id)
	if err != nil {
		return err
	}
	if st.Live() && !c.orphaned || st.Restarting {
		return errStarted
	}
	ctx = context.WithoutCancel(ctx)
	fault.Point("rm.locked")
	if err := b.cleanUp(ctx, c.cfg); err != nil {
		return err
	}
	fault.Point("rm.cleaned")
	if err := rootfs.Remove(b.store.Dir(id)); err != nil {
		return err
	}
	fault.Point("rm.root")
	if volumes {
		if err := b.store.RemoveAnonymous(c.cfg); err != nil {
			return err
		}
	}
	if err := b.store.Remove(id); err != nil {
		return err
	}
	fault.Point("rm.record")
	b.event("destroy", c, nil)
	return b.releaseImages(ctx, c.cfg)
}

// releaseImages ends the container's leases on images.
func (b *Backend) releaseImages(ctx context.Context, cfg *record.Config) error {
	if b.opts.Images == nil {
		return nil
	}
	var errs []error
	for _, owner := range record.Leases(cfg) {
		errs = append(errs, b.opts.Images.ReleaseRootFS(ctx, owner))
	}
	return errors.Join(errs...)
}

// cleanUp removes what a monitor that was killed may have left: processes, the
// cgroup, the engine's files, addresses. It is idempotent.
func (b *Backend) cleanUp(ctx context.Context, cfg *record.Config) error {
	dir := b.runDir(cfg.ID)
	return errors.Join(
		b.endGroupless(cfg),
		libct.New().Cleanup(ctx, cfg.ID, dir+"/engine", cfg.CgroupsPath),
		b.nets.Release(ctx, cfg.ID),
		os.RemoveAll(dir),
	)
}

// endGroupless kills what runs of a container that has no cgroup.
func (b *Backend) endGroupless(cfg *record.Config) error {
	if cfg.CgroupsPath != "" {
		return nil // the engine does
	}
	st, err := b.store.State(cfg.ID)
	if err != nil {
		return killInside(cfg.ID)
	}
	all, err := processesOf(cfg, st)
	if err != nil {
		return err
	}
	return all.Kill()
}
