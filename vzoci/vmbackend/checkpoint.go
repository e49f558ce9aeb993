package vmbackend

import (
	"context"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Checkpoint implements vzcontract.Checkpointer. The guest keeps a copy of the files that
// the container has written, beside them on the machine's disk.
func (b *Backend) Checkpoint(ctx context.Context, ref, name string, class vzcontract.CheckpointClass) error {
	if err := checkCheckpoint(name, class); err != nil {
		return failure("checkpoint", ref, err)
	}
	return b.on(ctx, "checkpoint", ref, false, func(c *connection, id string) error { return c.Checkpoint(ctx, id, name, class) })
}

func checkCheckpoint(name string, class vzcontract.CheckpointClass) error {
	switch class {
	case vzcontract.CheckpointFiles:
		return checkName(name)
	case vzcontract.CheckpointFull:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "a machine's memory cannot be saved while the guest has directories of the host mounted, "+
			"and the container's root is made of such: keep its files (fs_quick), or run what has to go on where it was in a machine without shares (vz vm save)")
	}
	return vzcontract.Errorf(vzcontract.ErrValidation, "unknown class %q", class)
}

func checkName(name string) error {
	if !vzcontract.ValidName(name) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "invalid name %q: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", name)
	}
	return nil
}

// Restore implements vzcontract.Checkpointer.
func (b *Backend) Restore(ctx context.Context, ref, name string) error {
	if err := checkName(name); err != nil {
		return failure("restore", ref, err)
	}
	return b.on(ctx, "restore", ref, false, func(c *connection, id string) error { return c.Restore(ctx, id, name) })
}

// Fork implements vzcontract.Checkpointer. The new container has a machine of its own, with
// a copy of the other one's disk; who writes to that meanwhile waits. Those of a shared
// machine stay in it.
func (b *Backend) Fork(ctx context.Context, ref, name, newName string) (info vzcontract.ContainerInfo, err error) {
	if err := checkName(name); err != nil {
		return info, failure("fork", ref, err)
	}
	m, err := b.find(ctx, "fork", ref)
	if err != nil {
		return info, err
	}
	from := guest.Origin{Record: m.record.ID, Container: m.state.Info.ID, Checkpoint: name}
	info, err = b.create(ctx, m.forked(newName), &from)
	return info, failure("fork", ref, err)
}

// forked is what a fork is made of: what the container was made of, of the same image
// whatever its name means now, with the changes since.
func (m machine) forked(name string) vzcontract.RunConfig {
	cfg, now := m.record.Config, m.state.Info.Config
	cfg.Name, cfg.Hostname = name, ""
	cfg.Resources, cfg.Restart = now.Resources, now.Restart
	cfg.Mounts = append(slices.Clip(cfg.Mounts), m.later()...)
	if cfg.Image != "" {
		cfg.Pull = vzcontract.PullNever
		if id := m.record.Images[0].RootFS.Image.ID; id != "" {
			cfg.Image = id
		}
	}
	return cfg
}
