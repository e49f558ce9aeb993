package vzlinuxnative

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/usage"
	"vz.internal/vzlinuxnative/network"
)

var (
	_ vzcontract.Statser = (*Backend)(nil)
	_ vzcontract.Topper  = (*Backend)(nil)
)

// live runs f on a container that runs or is paused.
func (b *Backend) live(ctx context.Context, op, ref string, f func(c *container) error) error {
	return b.settled(ctx, op, ref, func(c *container) error {
		if !c.st.Live() {
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container is %s, not running", c.st.State)
		}
		return f(c)
	})
}

// Stats implements vzcontract.Statser.
func (b *Backend) Stats(ctx context.Context, ref string) (s vzcontract.Stats, err error) {
	err = b.live(ctx, "stats", ref, func(c *container) error {
		g, err := cgroup.At(c.cfg.CgroupsPath)
		if err != nil {
			return err
		}
		pid := c.st.PID
		if c.cfg.Run.NetworkMode == network.HostNetwork {
			pid = 0
		}
		s, err = usage.Stats(g, pid)
		return err
	})
	return s, err
}

// Top implements vzcontract.Topper.
func (b *Backend) Top(ctx context.Context, ref string) (list []vzcontract.Process, err error) {
	err = b.live(ctx, "top", ref, func(c *container) error {
		g, err := processesOf(c.cfg, c.st)
		if err != nil {
			return err
		}
		pids, err := g.PIDs()
		if err != nil {
			return err
		}
		list, err = usage.Top(pids, c.st.PID)
		return err
	})
	return list, err
}
