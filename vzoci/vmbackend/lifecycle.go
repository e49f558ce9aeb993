package vmbackend

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Start implements vzcontract.Lifecycle. A machine that ends while it is asked, by a crash
// or because it was idle, boots anew, unless input may have gone with it.
func (b *Backend) Start(ctx context.Context, ref string, opts vzcontract.StartOptions) (vzcontract.Attachment, error) {
	a, err := b.start(ctx, ref, opts)
	if errors.Is(err, vzcontract.ErrUnavailable) && (opts.Attach == nil || opts.Attach.Stdio.In == nil) {
		a, err = b.start(ctx, ref, opts)
	}
	return a, err
}

func (b *Backend) start(ctx context.Context, ref string, opts vzcontract.StartOptions) (a vzcontract.Attachment, err error) {
	m, err := b.find(ctx, "start", ref)
	if err != nil {
		return nil, err
	}
	err = b.at(ctx, "start", ref, m, true, func(c *connection, id string) error {
		if err := c.control.Call(ctx, guest.MethodPublish, guest.Of{Record: m.record.ID}, nil); err != nil {
			return err
		}
		a, err = c.Start(ctx, id, opts)
		if err != nil {
			return errors.Join(err, c.control.Call(context.WithoutCancel(ctx), guest.MethodWithdraw, guest.Of{Record: m.record.ID}, nil))
		}
		a = c.hold(a)
		return nil
	})
	if err != nil && a != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, err
}

// Attach implements vzcontract.Lifecycle.
func (b *Backend) Attach(ctx context.Context, ref string, opts vzcontract.AttachOptions) (a vzcontract.Attachment, err error) {
	err = b.on(ctx, "attach", ref, false, func(c *connection, id string) error {
		if a, err = c.Attach(ctx, id, opts); err == nil {
			a = c.hold(a)
		}
		return err
	})
	return a, err
}

// Stop implements vzcontract.Lifecycle.
func (b *Backend) Stop(ctx context.Context, ref string, opts vzcontract.StopOptions) error {
	return b.on(ctx, "stop", ref, true, func(c *connection, id string) error { return c.Stop(ctx, id, opts) })
}

// Kill implements vzcontract.Lifecycle.
func (b *Backend) Kill(ctx context.Context, ref, signal string) error {
	return b.on(ctx, "kill", ref, false, func(c *connection, id string) error { return c.Kill(ctx, id, signal) })
}

// Wait implements vzcontract.Lifecycle.
func (b *Backend) Wait(ctx context.Context, ref string, cond vzcontract.WaitCondition) (exit vzcontract.ExitStatus, err error) {
	if cond == "" || cond == vzcontract.WaitNotRunning {
		info, err := b.Inspect(ctx, ref)
		if err != nil {
			return exit, failure("wait", ref, err)
		}
		if info.State == vzcontract.StateStopped && info.Exit != nil && !info.Restarting {
			return *info.Exit, nil
		}
	}
	// Who was told of the end finds the state written and the ports free.
	err = b.on(ctx, "wait", ref, true, func(c *connection, id string) error {
		exit, err = c.Wait(ctx, id, cond)
		return err
	})
	return exit, err
}

// Exec implements vzcontract.Execer.
func (b *Backend) Exec(ctx context.Context, ref string, cfg vzcontract.ExecConfig) (s vzcontract.ExecSession, err error) {
	err = b.on(ctx, "exec", ref, false, func(c *connection, id string) error {
		if s, err = c.Exec(ctx, id, cfg); err == nil {
			s = &held{ExecSession: s, release: c.use()}
		}
		return err
	})
	return s, err
}

// Logs implements vzcontract.Logger.
func (b *Backend) Logs(ctx context.Context, ref string, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	// An error of emit's is the caller's own.
	var emitted error
	err := b.on(ctx, "logs", ref, false, func(c *connection, id string) error {
		return c.Logs(ctx, id, opts, func(e vzcontract.LogEntry) error {
			emitted = emit(e)
			return emitted
		})
	})
	if emitted != nil {
		return emitted
	}
	return err
}

// Pause implements vzcontract.Pauser.
func (b *Backend) Pause(ctx context.Context, ref string) error {
	return b.on(ctx, "pause", ref, true, func(c *connection, id string) error { return c.Pause(ctx, id) })
}

// Resume implements vzcontract.Pauser.
func (b *Backend) Resume(ctx context.Context, ref string) error {
	return b.on(ctx, "unpause", ref, true, func(c *connection, id string) error { return c.Resume(ctx, id) })
}

// Update implements vzcontract.Updater.
func (b *Backend) Update(ctx context.Context, ref string, change vzcontract.UpdateConfig) (info vzcontract.ContainerInfo, err error) {
	if change.Resources != nil && change.Resources.Disk != 0 {
		return info, failure("update", ref, vzcontract.Errorf(vzcontract.ErrUnsupported, "the disk keeps the size that it was made with: make another container"))
	}
	err = b.on(ctx, "update", ref, true, func(c *connection, id string) error {
		_, err := c.Update(ctx, id, change)
		return err
	})
	if err != nil {
		return info, err
	}
	return b.Inspect(ctx, ref)
}

// Rename implements vzcontract.Renamer.
func (b *Backend) Rename(ctx context.Context, ref, name string) error {
	lock, err := b.store.LockAll(ctx)
	if err != nil {
		return failure("rename", ref, err)
	}
	defer lock.Close()
	m, err := b.find(ctx, "rename", ref)
	if err != nil {
		return err
	}
	if err := b.nameFree(ctx, name, m.record.ID); err != nil {
		return failure("rename", ref, err)
	}
	return b.on(ctx, "rename", m.state.Info.ID, true, func(c *connection, id string) error { return c.Rename(ctx, id, name) })
}
