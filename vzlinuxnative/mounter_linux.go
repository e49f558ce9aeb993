package vzlinuxnative

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/direct"
	"vz.internal/vzlinuxnative/internal/graft"
	"vz.internal/vzlinuxnative/internal/ocispec"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/wire"
)

var _ vzcontract.Mounter = (*Backend)(nil)

// AddMount implements vzcontract.Mounter. The mount is copied here, where its source is
// what the caller sees; the monitor puts it into the container.
func (b *Backend) AddMount(ctx context.Context, ref string, m vzcontract.Mount) error {
	return b.settled(ctx, "mount", ref, func(c *container) error {
		if err := checkRights(); err != nil {
			return err
		}
		m.Target = path.Clean(m.Target)
		if err := checkAdded(m); err != nil {
			return err
		}
		added := record.Mount{Mount: m, HostPath: filepath.Clean(m.Source)}
		switch {
		case c.orphaned:
			return errOrphaned
		case c.down():
			return b.changeRecord(ctx, c, func(st *record.State) error {
				if err := record.AddMount(c.cfg, st, record.AddedMount{Mount: added}); err != nil {
					return err
				}
				return makeSource(added)
			})
		}
		if err := makeSource(added); err != nil {
			return err
		}
		bind, err := ocispec.Bind(engine.ResolvedMount{Mount: m, HostPath: added.HostPath})
		if err != nil {
			return err
		}
		tree, err := direct.CloneTree(bind)
		if err != nil {
			return err
		}
		return b.ask(ctx, c.cfg.ID, &wire.Message{Op: wire.Mount, Mount: &m, Streams: &wire.Streams{In: true}}, tree)
	})
}

// checkAdded refuses what cannot be added to a container.
func checkAdded(m vzcontract.Mount) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if m.Type != vzcontract.MountBind {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "mount %s: a %s cannot be added to a container: create it with that", m.Target, m.Type)
	}
	if err := checkPropagation(m); err != nil {
		return err
	}
	if err := checkBind(m); err != nil {
		return err
	}
	_, err := ocispec.Bind(engine.ResolvedMount{Mount: m, HostPath: m.Source})
	return err
}

// RemoveMount implements vzcontract.Mounter.
func (b *Backend) RemoveMount(ctx context.Context, ref, target string) error {
	return b.settled(ctx, "unmount", ref, func(c *container) error {
		if _, err := record.FindAdded(c.cfg, c.st, target); err != nil {
			return err
		}
		switch {
		case c.orphaned:
			return errOrphaned
		case c.down():
			return b.changeRecord(ctx, c, func(st *record.State) error {
				_, err := record.FindAdded(c.cfg, st, target)
				record.DropMount(st, target)
				return err
			})
		}
		return b.ask(ctx, c.cfg.ID, &wire.Message{Op: wire.Unmount, Mount: &vzcontract.Mount{Target: target}})
	})
}

// changeRecord changes the record of a container that is down, and keeps it from
// starting meanwhile. One that was started is wire.ErrGone, for another look.
func (b *Backend) changeRecord(ctx context.Context, c *container, change func(*record.State) error) error {
	lock, err := b.takeMonitorLock(ctx, c.cfg.ID)
	if errors.Is(err, errStarted) {
		return wire.ErrGone
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	_, err = b.store.Update(c.cfg.ID, func(st *record.State) error {
		if st.Live() || st.Restarting {
			return wire.ErrGone
		}
		return change(st)
	})
	return err
}

// lostMounts lists the places of mounts on the record of a container without a monitor
// that are not in it: that one was killed between the record and the deed.
func lostMounts(c *container, pid int) ([]string, error) {
	if len(c.st.Mounts) == 0 {
		return nil, nil
	}
	ns, err := graft.Open(pid)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it has just ended
	}
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	there, err := graft.Mounted(ns)
	if err != nil {
		return nil, err
	}
	var lost []string
	for _, m := range c.st.Mounts {
		if !there[graft.ID(m.ID)] {
			lost = append(lost, m.Target)
		}
	}
	return lost, nil
}
