package route

import (
	"context"
	"io"

	"vz.internal/vzcontract"
)

var (
	_ vzcontract.RuntimeBackend = (*Backend)(nil)
	_ vzcontract.Isolator       = (*Backend)(nil)
	_ vzcontract.Pauser         = (*Backend)(nil)
	_ vzcontract.Renamer        = (*Backend)(nil)
	_ vzcontract.Updater        = (*Backend)(nil)
	_ vzcontract.Topper         = (*Backend)(nil)
	_ vzcontract.Statser        = (*Backend)(nil)
	_ vzcontract.Copier         = (*Backend)(nil)
	_ vzcontract.FileManager    = (*Backend)(nil)
	_ vzcontract.Dialer         = (*Backend)(nil)
	_ vzcontract.FileWatcher    = (*Backend)(nil)
	_ vzcontract.Differ         = (*Backend)(nil)
	_ vzcontract.Committer      = (*Backend)(nil)
	_ vzcontract.Checkpointer   = (*Backend)(nil)
	_ vzcontract.Mounter        = (*Backend)(nil)
)

// Inspect implements vzcontract.Containers.
func (b *Backend) Inspect(ctx context.Context, ref string) (info vzcontract.ContainerInfo, err error) {
	err = on(ctx, b, "inspect", ref, func(s vzcontract.Containers) error {
		info, err = s.Inspect(ctx, ref)
		return err
	})
	return info, err
}

// Remove implements vzcontract.Containers.
func (b *Backend) Remove(ctx context.Context, ref string, opts vzcontract.RemoveOptions) error {
	return on(ctx, b, "remove", ref, func(s vzcontract.Containers) error { return s.Remove(ctx, ref, opts) })
}

// Start implements vzcontract.Lifecycle.
func (b *Backend) Start(ctx context.Context, ref string, opts vzcontract.StartOptions) (a vzcontract.Attachment, err error) {
	err = on(ctx, b, "start", ref, func(s vzcontract.Lifecycle) error {
		a, err = s.Start(ctx, ref, opts)
		return err
	})
	return a, err
}

// Attach implements vzcontract.Lifecycle.
func (b *Backend) Attach(ctx context.Context, ref string, opts vzcontract.AttachOptions) (a vzcontract.Attachment, err error) {
	err = on(ctx, b, "attach", ref, func(s vzcontract.Lifecycle) error {
		a, err = s.Attach(ctx, ref, opts)
		return err
	})
	return a, err
}

// Stop implements vzcontract.Lifecycle.
func (b *Backend) Stop(ctx context.Context, ref string, opts vzcontract.StopOptions) error {
	return on(ctx, b, "stop", ref, func(s vzcontract.Lifecycle) error { return s.Stop(ctx, ref, opts) })
}

// Kill implements vzcontract.Lifecycle.
func (b *Backend) Kill(ctx context.Context, ref, signal string) error {
	return on(ctx, b, "kill", ref, func(s vzcontract.Lifecycle) error { return s.Kill(ctx, ref, signal) })
}

// Wait implements vzcontract.Lifecycle.
func (b *Backend) Wait(ctx context.Context, ref string, cond vzcontract.WaitCondition) (exit vzcontract.ExitStatus, err error) {
	err = on(ctx, b, "wait", ref, func(s vzcontract.Lifecycle) error {
		exit, err = s.Wait(ctx, ref, cond)
		return err
	})
	return exit, err
}

// Exec implements vzcontract.Execer.
func (b *Backend) Exec(ctx context.Context, ref string, cfg vzcontract.ExecConfig) (e vzcontract.ExecSession, err error) {
	err = on(ctx, b, "exec", ref, func(s vzcontract.Execer) error {
		e, err = s.Exec(ctx, ref, cfg)
		return err
	})
	return e, err
}

// Logs implements vzcontract.Logger.
func (b *Backend) Logs(ctx context.Context, ref string, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	return on(ctx, b, "logs", ref, func(s vzcontract.Logger) error { return s.Logs(ctx, ref, opts, emit) })
}

// Pause implements vzcontract.Pauser.
func (b *Backend) Pause(ctx context.Context, ref string) error {
	return on(ctx, b, "pause", ref, func(s vzcontract.Pauser) error { return s.Pause(ctx, ref) })
}

// Resume implements vzcontract.Pauser.
func (b *Backend) Resume(ctx context.Context, ref string) error {
	return on(ctx, b, "unpause", ref, func(s vzcontract.Pauser) error { return s.Resume(ctx, ref) })
}

// Rename implements vzcontract.Renamer. A name is taken if either has it.
func (b *Backend) Rename(ctx context.Context, ref, name string) error {
	side, err := b.side(ctx, "rename", ref)
	if err != nil {
		return err
	}
	if err := b.freeElsewhere(ctx, side, "rename", name); err != nil {
		return err
	}
	able, err := as[vzcontract.Renamer](side, "rename")
	if err != nil {
		return err
	}
	return able.Rename(ctx, ref, name)
}

// freeElsewhere fails with vzcontract.ErrConflict if the other side has the name.
func (b *Backend) freeElsewhere(ctx context.Context, side Side, op, name string) error {
	for _, other := range b.sides() {
		if other != side {
			if err := nameFree(ctx, other, op, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Update implements vzcontract.Updater.
func (b *Backend) Update(ctx context.Context, ref string, change vzcontract.UpdateConfig) (info vzcontract.ContainerInfo, err error) {
	err = on(ctx, b, "update", ref, func(s vzcontract.Updater) error {
		info, err = s.Update(ctx, ref, change)
		return err
	})
	return info, err
}

// Top implements vzcontract.Topper.
func (b *Backend) Top(ctx context.Context, ref string) (all []vzcontract.Process, err error) {
	err = on(ctx, b, "top", ref, func(s vzcontract.Topper) error {
		all, err = s.Top(ctx, ref)
		return err
	})
	return all, err
}

// Stats implements vzcontract.Statser.
func (b *Backend) Stats(ctx context.Context, ref string) (stats vzcontract.Stats, err error) {
	err = on(ctx, b, "stats", ref, func(s vzcontract.Statser) error {
		stats, err = s.Stats(ctx, ref)
		return err
	})
	return stats, err
}

// AddMount implements vzcontract.Mounter.
func (b *Backend) AddMount(ctx context.Context, ref string, m vzcontract.Mount) error {
	return on(ctx, b, "mount", ref, func(s vzcontract.Mounter) error { return s.AddMount(ctx, ref, m) })
}

// RemoveMount implements vzcontract.Mounter.
func (b *Backend) RemoveMount(ctx context.Context, ref, target string) error {
	return on(ctx, b, "unmount", ref, func(s vzcontract.Mounter) error { return s.RemoveMount(ctx, ref, target) })
}

// CopyIn implements vzcontract.Copier.
func (b *Backend) CopyIn(ctx context.Context, ref, dir string, tar io.Reader, opts vzcontract.CopyInOptions) error {
	return on(ctx, b, "copy", ref, func(s vzcontract.Copier) error { return s.CopyIn(ctx, ref, dir, tar, opts) })
}

// CopyOut implements vzcontract.Copier.
func (b *Backend) CopyOut(ctx context.Context, ref, path string) (tar io.ReadCloser, stat vzcontract.PathStat, err error) {
	err = on(ctx, b, "copy", ref, func(s vzcontract.Copier) error {
		tar, stat, err = s.CopyOut(ctx, ref, path)
		return err
	})
	return tar, stat, err
}

// StatPath implements vzcontract.Copier.
func (b *Backend) StatPath(ctx context.Context, ref, path string) (stat vzcontract.PathStat, err error) {
	err = on(ctx, b, "stat", ref, func(s vzcontract.Copier) error {
		stat, err = s.StatPath(ctx, ref, path)
		return err
	})
	return stat, err
}

// Diff implements vzcontract.Differ.
func (b *Backend) Diff(ctx context.Context, ref string) (all []vzcontract.Change, err error) {
	err = on(ctx, b, "diff", ref, func(s vzcontract.Differ) error {
		all, err = s.Diff(ctx, ref)
		return err
	})
	return all, err
}

// Commit implements vzcontract.Committer.
func (b *Backend) Commit(ctx context.Context, ref string, opts vzcontract.CommitOptions) (info vzcontract.ImageInfo, err error) {
	err = on(ctx, b, "commit", ref, func(s vzcontract.Committer) error {
		info, err = s.Commit(ctx, ref, opts)
		return err
	})
	return info, err
}

// Export implements vzcontract.Committer.
func (b *Backend) Export(ctx context.Context, ref string, w io.Writer) error {
	return on(ctx, b, "export", ref, func(s vzcontract.Committer) error { return s.Export(ctx, ref, w) })
}

// Checkpoint implements vzcontract.Checkpointer.
func (b *Backend) Checkpoint(ctx context.Context, ref, name string, class vzcontract.CheckpointClass) error {
	return on(ctx, b, "checkpoint", ref, func(s vzcontract.Checkpointer) error { return s.Checkpoint(ctx, ref, name, class) })
}

// Restore implements vzcontract.Checkpointer.
func (b *Backend) Restore(ctx context.Context, ref, name string) error {
	return on(ctx, b, "restore", ref, func(s vzcontract.Checkpointer) error { return s.Restore(ctx, ref, name) })
}

// Fork implements vzcontract.Checkpointer. A name is taken if either has it.
func (b *Backend) Fork(ctx context.Context, ref, name, newName string) (info vzcontract.ContainerInfo, err error) {
	side, err := b.side(ctx, "fork", ref)
	if err != nil {
		return info, err
	}
	if err := b.freeElsewhere(ctx, side, "fork", newName); err != nil {
		return info, err
	}
	able, err := as[vzcontract.Checkpointer](side, "fork")
	if err != nil {
		return info, err
	}
	return able.Fork(ctx, ref, name, newName)
}
