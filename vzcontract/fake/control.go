package fake

import (
	"context"
	"slices"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
)

// change runs f on a container under the lock.
func (b *Backend) change(ctx context.Context, op, ref string, f func(c *container) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.once(func() error {
		c, err := b.find(op, ref)
		if err != nil {
			return err
		}
		return f(c)
	})
}

// Pause implements vzcontract.Pauser.
func (b *Backend) Pause(ctx context.Context, ref string) error {
	return b.change(ctx, "pause", ref, func(c *container) error {
		to, err := step("pause", c, vzcontract.StepPause)
		if err != nil || to == c.Info.State {
			return err
		}
		if r := b.runs[c.Info.ID]; r != nil {
			r.kernel.Pause()
		}
		c.Info.State = to
		b.event("container", "pause", c, nil)
		return nil
	})
}

// Resume implements vzcontract.Pauser.
func (b *Backend) Resume(ctx context.Context, ref string) error {
	return b.change(ctx, "resume", ref, func(c *container) error {
		if _, err := step("resume", c, vzcontract.StepResume); err != nil {
			return err
		}
		b.thaw(c)
		return nil
	})
}

// thaw ends a pause.
func (b *Backend) thaw(c *container) {
	if c.Info.State != vzcontract.StatePaused {
		return
	}
	c.Info.State = vzcontract.StateRunning
	if r := b.runs[c.Info.ID]; r != nil {
		r.kernel.Resume()
	}
	b.event("container", "unpause", c, nil)
}

// Rename implements vzcontract.Renamer.
func (b *Backend) Rename(ctx context.Context, ref, name string) error {
	return b.change(ctx, "rename", ref, func(c *container) error {
		if !vzcontract.ValidName(name) {
			return failure("rename", c, vzcontract.ErrValidation, "invalid name %q", name)
		}
		if other := b.byName(name); other != nil && other != c {
			return failure("rename", c, vzcontract.ErrConflict, "the name %s is in use by container %s", name, other.Info.ID[:12])
		}
		old := c.Info.Name
		c.Info.Name, c.Info.Config.Name = name, name
		b.event("container", "rename", c, map[string]string{"oldName": old})
		return nil
	})
}

// Update implements vzcontract.Updater.
func (b *Backend) Update(ctx context.Context, ref string, change vzcontract.UpdateConfig) (info vzcontract.ContainerInfo, err error) {
	err = b.change(ctx, "update", ref, func(c *container) error {
		cfg := c.Info.Config
		if change.Resources != nil {
			if err := b.Capabilities().CheckDisk(*change.Resources); err != nil {
				return failure("update", c, vzcontract.ErrUnsupported, "%w", err)
			}
			overlay(&cfg.Resources, *change.Resources)
		}
		if change.Restart != nil {
			cfg.Restart = *change.Restart
		}
		if err := validate(&cfg); err != nil {
			return failure("update", c, vzcontract.ErrValidation, "%w", err)
		}
		c.Info.Config = cfg
		if r := b.runs[c.Info.ID]; r != nil {
			r.kernel.SetLimits(cfg.Resources.Memory, cfg.Resources.PidsLimit)
		}
		b.event("container", "update", c, nil)
		info = c.info()
		return nil
	})
	return info, err
}

// overlay sets the fields of to that change names.
func overlay(to *vzcontract.Resources, change vzcontract.Resources) {
	setTo(&to.NanoCPUs, change.NanoCPUs)
	setTo(&to.CPUShares, change.CPUShares)
	setTo(&to.CPUPeriod, change.CPUPeriod)
	setTo(&to.CPUQuota, change.CPUQuota)
	setTo(&to.CPURealtimePeriod, change.CPURealtimePeriod)
	setTo(&to.CPURealtimeRuntime, change.CPURealtimeRuntime)
	setTo(&to.CpusetCPUs, change.CpusetCPUs)
	setTo(&to.CpusetMems, change.CpusetMems)
	setTo(&to.Memory, change.Memory)
	setTo(&to.MemoryReservation, change.MemoryReservation)
	setTo(&to.MemorySwap, change.MemorySwap)
	setTo(&to.PidsLimit, change.PidsLimit)
	setTo(&to.BlkioWeight, change.BlkioWeight)
}

func setTo[T comparable](to *T, value T) {
	var zero T
	if value != zero {
		*to = value
	}
}

// Top implements vzcontract.Topper.
func (b *Backend) Top(ctx context.Context, ref string) (list []vzcontract.Process, err error) {
	err = b.change(ctx, "top", ref, func(c *container) error {
		if c.Info.State != vzcontract.StateRunning && c.Info.State != vzcontract.StatePaused {
			return failure("top", c, vzcontract.ErrConflict, "the container is %s, not running", c.Info.State)
		}
		kernel, err := b.kernelOf(c)
		if err != nil {
			return err
		}
		users := sim.Users(kernel.FS)
		for _, p := range kernel.Processes() {
			list = append(list, vzcontract.Process{
				PID: c.Info.PID + p.PID - 1, PPID: c.Info.PID + p.PPID - 1, UID: p.UID,
				User: firstOf(users[p.UID], itoa(int(p.UID))), Started: p.Started,
				TTY: map[bool]string{true: "pts/0", false: "?"}[p.TTY != nil], Args: slices.Clone(p.Args),
			})
		}
		return nil
	})
	return list, err
}

// Stats implements vzcontract.Statser.
func (b *Backend) Stats(ctx context.Context, ref string) (s vzcontract.Stats, err error) {
	err = b.change(ctx, "stats", ref, func(c *container) error {
		if c.Info.State != vzcontract.StateRunning && c.Info.State != vzcontract.StatePaused {
			return failure("stats", c, vzcontract.ErrConflict, "the container is %s, not running", c.Info.State)
		}
		limit, pids := c.Info.Config.Resources.Memory, c.Info.Config.Resources.PidsLimit
		s = vzcontract.Stats{Time: time.Now(), OnlineCPUs: 1, Memory: 1 << 20, PIDs: 1}
		if limit > 0 {
			s.MemoryLimit = uint64(limit)
		}
		if pids > 0 {
			s.PIDsLimit = uint64(pids)
		}
		if r := b.runs[c.Info.ID]; r != nil {
			s.PIDs, s.OOMKills = uint64(len(r.kernel.Processes())), uint64(r.kernel.OOMKills())
		}
		s.CPU = time.Duration(s.PIDs) * time.Millisecond
		s.CPUUser = s.CPU
		for _, e := range c.Info.Networks {
			s.Network = append(s.Network, vzcontract.NetStats{Interface: e.Interface})
		}
		return nil
	})
	return s, err
}
