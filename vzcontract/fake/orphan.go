package fake

import (
	"path"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
)

// settleOrphans brings the containers that no process runs any more to where
// they would be by now.
func (b *Backend) settleOrphans() {
	for _, c := range b.st.Containers {
		if c.Info.State != vzcontract.StateRunning && c.Info.State != vzcontract.StatePaused || b.alive(c) {
			continue
		}
		for _, sig := range c.Pending {
			b.signalOrphan(c, sig)
		}
		c.Pending = nil
		if argv := c.Info.Command; c.Info.State == vzcontract.StateRunning && path.Base(argv[0]) == "sleep" {
			d, err := sim.SleepTime(argv)
			if err == nil && time.Since(c.Info.StartedAt) > d {
				b.endOrphan(c, vzcontract.ExitStatus{})
			}
		}
	}
}

// signalOrphan does to a container that lives only as a record what the signal
// would have done.
func (b *Backend) signalOrphan(c *container, sig int) {
	action, trapped := c.Traps[sig]
	switch {
	case sig == sigKill:
		b.endOrphan(c, vzcontract.ExitStatus{Code: 128 + sig, Signal: sig})
	case trapped && action != "":
		code, exited := sim.RunTrap(action)
		if exited {
			b.endOrphan(c, vzcontract.ExitStatus{Code: code})
		}
	case trapped || !c.Info.Config.Init && !c.Info.Config.Idle || sig == 0:
	default:
		b.endOrphan(c, vzcontract.ExitStatus{Code: 128 + sig, Signal: sig})
	}
}

func (b *Backend) endOrphan(c *container, exit vzcontract.ExitStatus) {
	c.Owner, c.Traps, c.Pending = "", nil, nil
	b.stoppedNow(c, exit)
	if c.Info.Config.AutoRemove && !c.Kept {
		b.forget(c, false)
	}
}
