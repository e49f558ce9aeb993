package vzlinuxnative

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/ocispec"
	"vz.internal/vzlinuxnative/internal/process"
	"vz.internal/vzlinuxnative/internal/record"
)

// Inspect implements vzcontract.Containers.
func (b *Backend) Inspect(ctx context.Context, ref string) (vzcontract.ContainerInfo, error) {
	if err := ctx.Err(); err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	id, err := b.find("inspect", ref)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	c, err := b.truth(id)
	if err != nil {
		return vzcontract.ContainerInfo{}, failure("inspect", ref, err)
	}
	info := c.info()
	info.MaskedPaths, info.ReadonlyPaths, err = ocispec.Paths(info.Config.Security)
	return info, err
}

// List implements vzcontract.Containers. A damaged record is logged and left
// out.
func (b *Backend) List(ctx context.Context) ([]vzcontract.ContainerInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ids, err := b.store.IDs()
	if err != nil {
		return nil, err
	}
	infos := make([]vzcontract.ContainerInfo, 0, len(ids))
	for _, id := range ids {
		c, err := b.truth(id)
		switch {
		case err == nil:
			infos = append(infos, c.info())
		case errors.Is(err, vzcontract.ErrNotFound): // removed meanwhile
		default:
			b.log.WarnContext(ctx, "container left out of the list", "id", id, "err", err)
		}
	}
	slices.SortFunc(infos, func(x, y vzcontract.ContainerInfo) int {
		return cmp.Or(y.CreatedAt.Compare(x.CreatedAt), cmp.Compare(x.ID, y.ID))
	})
	return infos, nil
}

// A container is a record with what can be seen now.
type container struct {
	cfg      *record.Config
	st       *record.State
	tended   bool // a monitor should be there
	orphaned bool
}

func (c *container) info() vzcontract.ContainerInfo {
	info := record.Info(c.cfg, c.st)
	info.Orphaned, info.Backend = c.orphaned, Name
	return info
}

// down reports that neither processes nor a restart are there.
func (c *container) down() bool { return !c.st.Live() && !c.st.Restarting }

// truth reads a record and corrects what a monitor that was killed left in it.
// It waits for nobody.
func (b *Backend) truth(id string) (*container, error) {
	cfg, err := b.store.Config(id)
	if err != nil {
		return nil, err
	}
	st, err := b.store.State(id)
	if err != nil {
		return nil, err
	}
	c := &container{cfg: cfg, st: st, tended: b.unsettled(id, st)}
	if !c.tended || b.monitorLives(id) {
		return c, nil
	}
	// The monitor may have ended in good order since the record was read.
	if c.st, err = b.store.State(id); err != nil {
		return nil, err
	}
	if c.tended = b.unsettled(id, c.st); !c.tended {
		return c, nil
	}
	return c, b.settle(c)
}

// unsettled reports that a monitor should be there: the record says so, or the
// runtime directory, which is there from before a start until all is cleared
// away after the end.
func (b *Backend) unsettled(id string, st *record.State) bool {
	if st.Live() || st.Restarting {
		return true
	}
	_, err := os.Lstat(b.runDir(id))
	return err == nil
}

// settle finds what has become of a container whose monitor is gone.
func (b *Backend) settle(c *container) error {
	all, err := processesOf(c.cfg, c.st)
	if err != nil {
		return err
	}
	pids, err := all.PIDs()
	if err != nil {
		return err
	}
	// One that waits for a dead monitor's word is about to end.
	pids = slices.DeleteFunc(pids, process.Waits)
	c.orphaned = len(pids) > 0
	var lost []string
	if c.orphaned {
		if lost, err = lostMounts(c, pids[0]); err != nil {
			return err
		}
	}
	if c.orphaned == c.st.Live() && !c.st.Restarting && len(lost) == 0 {
		return nil // the record is right
	}
	st, err := b.store.Update(c.cfg.ID, func(st *record.State) error {
		if b.monitorLives(c.cfg.ID) {
			return errSettled
		}
		if len(pids) > 0 {
			for _, target := range lost {
				record.DropMount(st, target)
			}
			adopt(st, pids)
			return nil
		}
		bury(st)
		return nil
	})
	if errors.Is(err, errSettled) {
		c.orphaned = false
		c.st, err = b.store.State(c.cfg.ID)
		return err
	}
	if err == nil {
		c.st = st
		if !c.orphaned && st.Exit != nil && st.Exit.Unknown {
			b.event("die", c, map[string]string{"exitCode": "255"})
		}
	}
	return err
}

var errSettled = errors.New("settled by another process")

// adopt notes a workload whose monitor died before it could record the start.
func adopt(st *record.State, pids []int) {
	st.Restarting = false
	if st.Live() {
		return
	}
	st.State, st.PID = vzcontract.StateRunning, pids[0]
	st.StartedAt, st.StoppedAt, st.Exit = time.Now(), time.Time{}, nil
	if at, err := process.Started(pids[0]); err == nil {
		st.StartedAt = at
	}
}

// bury notes an end that nobody saw.
func bury(st *record.State) {
	if st.Live() {
		exit := vzcontract.ExitStatus{Code: 255, Unknown: true}
		st.State, st.StoppedAt = vzcontract.StateStopped, time.Now()
		st.Exit, st.LastExit = &exit, &exit
		st.Exits++
	}
	if st.Restarting {
		st.Error = "the monitor was killed while it started the container again"
	}
	st.Restarting, st.PID = false, 0
	st.Networks, st.Ports = nil, nil
}
