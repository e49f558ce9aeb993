package fake

import (
	"context"
	"slices"
	"strconv"
	"time"

	"vz.internal/vzcontract"
)

func itoa(n int) string { return strconv.Itoa(n) }

// classOf returns the sentinel that err matches.
func classOf(err error) error { return vzcontract.SentinelOf(vzcontract.CodeOf(err)) }

// step checks that the state machine allows a step of c.
func step(op string, c *container, s vzcontract.Step) (vzcontract.State, error) {
	to, err := c.Info.State.Next(s)
	if err != nil {
		return to, failure(op, c, vzcontract.ErrConflict, "%w", err)
	}
	return to, nil
}

// Inspect implements vzcontract.Containers.
func (b *Backend) Inspect(ctx context.Context, ref string) (vzcontract.ContainerInfo, error) {
	if err := ctx.Err(); err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	unlock, err := b.lock()
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	defer unlock()
	c, err := b.find("inspect", ref)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	return c.info(), nil
}

// List implements vzcontract.Containers.
func (b *Backend) List(ctx context.Context) ([]vzcontract.ContainerInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	unlock, err := b.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	all := make([]*container, 0, len(b.st.Containers))
	for _, c := range b.st.Containers {
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y *container) int { return y.Serial - x.Serial })
	infos := make([]vzcontract.ContainerInfo, len(all))
	for i, c := range all {
		infos[i] = c.info()
	}
	return infos, nil
}

// Start implements vzcontract.Lifecycle.
func (b *Backend) Start(ctx context.Context, ref string, opts vzcontract.StartOptions) (vzcontract.Attachment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	unlock, err := b.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := b.find("start", ref)
	if err != nil {
		return nil, err
	}
	before := c.Info.State
	to, err := step("start", c, vzcontract.StepStart)
	if err != nil {
		return nil, err
	}
	if before == to {
		if opts.Attach == nil {
			return nil, nil
		}
		return b.join(c, *opts.Attach)
	}
	c.Info.RestartCount = 0
	if err := b.connectAll(c); err != nil {
		return nil, err
	}
	a, err := b.launch(c, opts.Attach)
	if err != nil {
		b.disconnectAll(c)
		b.touch()
		return nil, err
	}
	if a == nil {
		return nil, nil
	}
	return a, nil
}

// Attach implements vzcontract.Lifecycle.
func (b *Backend) Attach(ctx context.Context, ref string, opts vzcontract.AttachOptions) (vzcontract.Attachment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	unlock, err := b.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := b.find("attach", ref)
	if err != nil {
		return nil, err
	}
	if c.Info.State != vzcontract.StateRunning {
		return nil, failure("attach", c, vzcontract.ErrConflict, "the container is %s: start it first", c.Info.State)
	}
	b.event("container", "attach", c, nil)
	return b.join(c, opts)
}

func (b *Backend) join(c *container, opts vzcontract.AttachOptions) (vzcontract.Attachment, error) {
	r := b.runs[c.Info.ID]
	if r == nil {
		return nil, failure("attach", c, vzcontract.ErrUnsupported,
			"the fake backend's containers can be attached to only in the process that started them")
	}
	a := r.attach(b, opts, c.Info.Config)
	a.pump(r.stdin, r.tty, c.Info.Config)
	return a, nil
}

// Stop implements vzcontract.Lifecycle.
func (b *Backend) Stop(ctx context.Context, ref string, opts vzcontract.StopOptions) error {
	var c *container
	grace := 10 * time.Second
	pending := false
	err := b.once(func() (err error) {
		if c, err = b.find("stop", ref); err != nil {
			return err
		}
		cfg := c.Info.Config
		sig, err := signalNumber(opts.Signal, cfg.StopSignal)
		if err != nil {
			return failure("stop", c, vzcontract.ErrValidation, "%w", err)
		}
		for _, set := range []*time.Duration{cfg.StopGrace, opts.Grace} {
			if set != nil {
				grace = *set
			}
		}
		if c.Info.Restarting {
			c.Info.Restarting, c.StopAsked = false, true
			b.touch()
		}
		if _, err := step("stop", c, vzcontract.StepStop); err != nil {
			return err
		}
		if c.Info.State != vzcontract.StateRunning && c.Info.State != vzcontract.StatePaused {
			return nil
		}
		pending = true
		c.StopAsked, c.Kept = true, opts.Restart
		b.thaw(c)
		b.event("container", "kill", c, map[string]string{"signal": itoa(sig)})
		b.send(c, sig)
		return nil
	})
	if err != nil || !pending {
		return err
	}
	if err := b.awaitExit(ctx, c, grace); err != nil {
		return err
	}
	return b.once(func() error {
		b.event("container", "stop", c, nil)
		return nil
	})
}

// awaitExit waits for the end of c's run, killing it after the grace period.
func (b *Backend) awaitExit(ctx context.Context, c *container, grace time.Duration) error {
	wait, cancel := ctx, context.CancelFunc(func() {})
	if grace >= 0 {
		wait, cancel = context.WithTimeout(ctx, grace)
	}
	defer cancel()
	down := func() (bool, error) { return c.down(b), nil }
	if err := b.await(wait, down); err == nil || ctx.Err() != nil {
		return err
	}
	if err := b.once(func() error { b.send(c, sigKill); return nil }); err != nil {
		return err
	}
	return b.await(ctx, down)
}

// down reports whether c neither runs nor exists. The record may have been
// read anew since.
func (c *container) down(b *Backend) bool {
	now := b.st.Containers[c.Info.ID]
	return now == nil || now.Info.State != vzcontract.StateRunning && now.Info.State != vzcontract.StatePaused
}

// once runs f under the lock.
func (b *Backend) once(f func() error) error {
	unlock, err := b.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

// send delivers a signal to a running container, wherever it runs.
func (b *Backend) send(c *container, sig int) {
	if now := b.st.Containers[c.Info.ID]; now != nil {
		c = now
	}
	if r := b.runs[c.Info.ID]; r != nil {
		r.signal(sig)
		return
	}
	c.Pending = append(c.Pending, sig)
	b.touch()
	b.settleOrphans()
}

// Kill implements vzcontract.Lifecycle.
func (b *Backend) Kill(ctx context.Context, ref, signal string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.once(func() error {
		c, err := b.find("kill", ref)
		if err != nil {
			return err
		}
		sig, err := signalNumber(signal, "KILL")
		if err != nil {
			return failure("kill", c, vzcontract.ErrValidation, "%w", err)
		}
		stop, _ := signalNumber(c.Info.Config.StopSignal, "TERM")
		final := sig == sigKill || sig == stop
		if c.Info.Restarting && final {
			c.Info.Restarting, c.StopAsked = false, true
			b.touch()
			return nil
		}
		if c.Info.State != vzcontract.StateRunning && c.Info.State != vzcontract.StatePaused {
			return failure("kill", c, vzcontract.ErrConflict, "the container is %s, not running", c.Info.State)
		}
		if final {
			c.StopAsked = true
		}
		if sig == sigKill {
			b.thaw(c)
		}
		b.event("container", "kill", c, map[string]string{"signal": itoa(sig)})
		b.send(c, sig)
		return nil
	})
}

// Wait implements vzcontract.Lifecycle.
func (b *Backend) Wait(ctx context.Context, ref string, cond vzcontract.WaitCondition) (vzcontract.ExitStatus, error) {
	var id string
	var first vzcontract.ContainerInfo
	last := vzcontract.ExitStatus{}
	err := b.await(ctx, func() (bool, error) {
		if id == "" {
			c, err := b.find("wait", ref)
			if err != nil {
				return true, err
			}
			id, first = c.Info.ID, c.Info
		}
		c := b.st.Containers[id]
		if c == nil {
			if cond == vzcontract.WaitHealthy {
				return true, vzcontract.Errorf(vzcontract.ErrConflict, "wait: the container was removed")
			}
			if exit, ok := b.st.Ended[id]; ok {
				last = exit
			}
			return true, nil
		}
		if c.Info.Exit != nil {
			last = *c.Info.Exit
		}
		return b.holds(c, cond, first)
	})
	return last, err
}

func (b *Backend) holds(c *container, cond vzcontract.WaitCondition, first vzcontract.ContainerInfo) (bool, error) {
	stopped := c.Info.State == vzcontract.StateStopped
	switch cond {
	case "", vzcontract.WaitNotRunning:
		return stopped && !c.Info.Restarting || c.Info.State == vzcontract.StateCreated, nil
	case vzcontract.WaitNextExit:
		return stopped && c.Info.StoppedAt.After(first.StoppedAt), nil
	case vzcontract.WaitRemoved:
		return false, nil
	case vzcontract.WaitHealthy:
		switch {
		case stopped && !c.Info.Restarting:
			return true, failure("wait", c, vzcontract.ErrConflict, "the container stopped before it was healthy")
		case c.Info.Health == nil && c.Info.State == vzcontract.StateRunning:
			return true, failure("wait", c, vzcontract.ErrConflict, "the container has no health check")
		}
		return c.Info.Health != nil && c.Info.Health.Status == vzcontract.HealthHealthy, nil
	}
	return true, failure("wait", c, vzcontract.ErrValidation, "unknown condition %q", cond)
}

// Remove implements vzcontract.Containers.
func (b *Backend) Remove(ctx context.Context, ref string, opts vzcontract.RemoveOptions) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var c *container
	err := b.once(func() (err error) {
		if c, err = b.find("remove", ref); err != nil {
			return err
		}
		if opts.Force && !c.down(b) {
			c.StopAsked = true
			c.Info.Restarting = false
			b.thaw(c)
			b.event("container", "kill", c, map[string]string{"signal": "9"})
			b.send(c, sigKill)
			return nil
		}
		if c.Info.Restarting && !opts.Force {
			return failure("remove", c, vzcontract.ErrConflict, "the container is restarting: stop it first, or force")
		}
		_, err = step("remove", c, vzcontract.StepRemove)
		return err
	})
	if err != nil {
		return err
	}
	if err := b.await(ctx, func() (bool, error) { return c.down(b), nil }); err != nil {
		return err
	}
	return b.once(func() error {
		if now := b.st.Containers[c.Info.ID]; now != nil {
			b.forget(now, opts.Volumes)
		}
		return nil
	})
}

// forget removes a container's record and what was made for it.
func (b *Backend) forget(c *container, volumes bool) {
	c.removed, c.Info.Restarting = true, false
	b.disconnectAll(c)
	if c.Info.Exit != nil {
		b.st.Ended[c.Info.ID] = *c.Info.Exit
	}
	delete(b.st.Containers, c.Info.ID)
	for _, m := range c.Info.Mounts {
		if m.Anonymous && volumes && len(b.usersOf(m.Name)) == 0 {
			delete(b.st.Volumes, m.Name)
		}
	}
	b.event("container", "destroy", c, nil)
}
