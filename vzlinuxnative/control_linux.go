package vzlinuxnative

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/wire"
)

var (
	_ vzcontract.Pauser   = (*Backend)(nil)
	_ vzcontract.Renamer  = (*Backend)(nil)
	_ vzcontract.Updater  = (*Backend)(nil)
	_ vzcontract.SharedVM = (*Backend)(nil)
)

// Pause implements vzcontract.Pauser.
func (b *Backend) Pause(ctx context.Context, ref string) error {
	return b.freeze(ctx, "pause", ref, vzcontract.StepPause, wire.Pause)
}

// Resume implements vzcontract.Pauser.
func (b *Backend) Resume(ctx context.Context, ref string) error {
	return b.freeze(ctx, "unpause", ref, vzcontract.StepResume, wire.Resume)
}

func (b *Backend) freeze(ctx context.Context, op, ref string, step vzcontract.Step, ask wire.Op) error {
	return b.settled(ctx, op, ref, func(c *container) error {
		to, err := c.st.State.Next(step)
		if err != nil || to == c.st.State {
			return err
		}
		if c.orphaned {
			return b.freezeOrphan(c, to)
		}
		return b.ask(ctx, c.cfg.ID, &wire.Message{Op: ask})
	})
}

func (b *Backend) freezeOrphan(c *container, to vzcontract.State) error {
	g, err := processesOf(c.cfg, c.st)
	if err != nil {
		return err
	}
	_, err = b.store.Update(c.cfg.ID, func(st *record.State) error {
		if !st.Live() {
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container has just stopped")
		}
		st.State = to
		if to == vzcontract.StatePaused {
			return g.Freeze()
		}
		return g.Thaw()
	})
	return err
}

// Rename implements vzcontract.Renamer.
func (b *Backend) Rename(ctx context.Context, ref, name string) error {
	return b.settled(ctx, "rename", ref, func(c *container) error {
		if !vzcontract.ValidName(name) {
			return invalid("invalid name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", name)
		}
		old, err := b.store.Rename(c.cfg.ID, name)
		if err != nil || old == name {
			return err
		}
		c.st.Name = name
		b.event("rename", c, map[string]string{"oldName": old})
		if c.tended && !c.orphaned {
			err = b.ask(ctx, c.cfg.ID, &wire.Message{Op: wire.Rename, Name: name})
			if errors.Is(err, wire.ErrGone) {
				return nil // the next start reads the record
			}
		}
		return err
	})
}

// Update implements vzcontract.Updater.
func (b *Backend) Update(ctx context.Context, ref string, change vzcontract.UpdateConfig) (info vzcontract.ContainerInfo, err error) {
	err = b.settled(ctx, "update", ref, func(c *container) error {
		run := record.RunConfig(c.cfg, c.st)
		if change.Resources != nil {
			overlay(&run.Resources, *change.Resources)
		}
		if change.Restart != nil {
			run.Restart = *change.Restart
		}
		if err := b.validate(&run); err != nil {
			return err
		}
		changed := *c.cfg
		changed.Run = run
		if err := check(&changed); err != nil {
			return err
		}
		if change.Resources != nil && c.st.Live() {
			g, err := cgroup.Open(c.cfg.CgroupsPath)
			if err != nil {
				return err
			}
			limits := *change.Resources
			if limits.MemorySwap != 0 && limits.Memory == 0 {
				limits.Memory = run.Resources.Memory // what is counted together with swap
			}
			if err := g.Update(limits); err != nil {
				return err
			}
		}
		st, err := b.store.Update(c.cfg.ID, func(st *record.State) error {
			st.Resources, st.Restart = &run.Resources, &run.Restart
			return nil
		})
		if err != nil {
			return err
		}
		c.st = st
		b.event("update", c, nil)
		info = c.info()
		return nil
	})
	return info, err
}

// overlay sets the fields of to that change names.
func overlay(to *vzcontract.Resources, change vzcontract.Resources) {
	if change.NanoCPUs != 0 {
		to.CPUQuota, to.CPUPeriod = 0, 0
	}
	if change.CPUQuota != 0 || change.CPUPeriod != 0 {
		to.NanoCPUs = 0
	}
	set(&to.NanoCPUs, change.NanoCPUs)
	set(&to.CPUShares, change.CPUShares)
	set(&to.CPUPeriod, change.CPUPeriod)
	set(&to.CPUQuota, change.CPUQuota)
	set(&to.CPURealtimePeriod, change.CPURealtimePeriod)
	set(&to.CPURealtimeRuntime, change.CPURealtimeRuntime)
	set(&to.CpusetCPUs, change.CpusetCPUs)
	set(&to.CpusetMems, change.CpusetMems)
	set(&to.Memory, change.Memory)
	set(&to.MemoryReservation, change.MemoryReservation)
	set(&to.MemorySwap, change.MemorySwap)
	set(&to.MemorySwappiness, change.MemorySwappiness)
	set(&to.OOMKillDisable, change.OOMKillDisable)
	set(&to.OOMScoreAdj, change.OOMScoreAdj)
	set(&to.Disk, change.Disk) // which is refused
	set(&to.PidsLimit, change.PidsLimit)
	set(&to.BlkioWeight, change.BlkioWeight)
	for _, f := range []struct{ to, from *[]vzcontract.ThrottleDevice }{
		{&to.BlkioWeightDevice, &change.BlkioWeightDevice},
		{&to.ReadBps, &change.ReadBps},
		{&to.WriteBps, &change.WriteBps},
		{&to.ReadIOps, &change.ReadIOps},
		{&to.WriteIOps, &change.WriteIOps},
	} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
}

func set[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}
