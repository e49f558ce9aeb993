package vzlinuxnative

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/signame"
	"vz.internal/vzlinuxnative/internal/wire"
)

// ask sends a request to a container's monitor and returns its answer. A
// monitor that ends meanwhile is wire.ErrGone. Files that go with the request are
// closed as soon as it is sent.
func (b *Backend) ask(ctx context.Context, id string, m *wire.Message, files ...*os.File) error {
	defer closeFiles(files)
	conn, err := b.dial(id)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	if err := conn.Send(m, files...); err != nil {
		return gone(ctx, err)
	}
	closeFiles(files)
	answer, _, err := conn.Receive()
	if err != nil {
		return gone(ctx, err)
	}
	return answer.Err.Unwire()
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close() // a second time is harmless
	}
}

// gone tells a monitor that ended from a caller who gave up.
func gone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return wire.ErrGone
	}
	return err
}

// settled calls f with the truth about a container until f does not find that
// the monitor takes no requests, no more or not yet.
func (b *Backend) settled(ctx context.Context, op, ref string, f func(c *container) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	id, err := b.find(op, ref)
	if err != nil {
		return err
	}
	var w *watch // of the record, since before the last look
	defer func() { w.close() }()
	for {
		c, err := b.truth(id)
		if err == nil {
			err = f(c)
		}
		if !errors.Is(err, wire.ErrGone) {
			return failure(op, ref, err)
		}
		if w != nil {
			err = b.awaitMonitorTurn(ctx, id, w)
			w.close()
			w = nil
		} else if w, err = b.watch(id); errors.Is(err, vzcontract.ErrNotFound) {
			w.close()
			w, err = nil, nil // the next look finds that out
		}
		if err != nil {
			return failure(op, ref, err)
		}
	}
}

// awaitMonitorTurn returns when a monitor that takes no requests has ended, or
// has come to a point where it may take them: one that begins may not listen yet.
func (b *Backend) awaitMonitorTurn(ctx context.Context, id string, w *watch) error {
	ended, end := context.WithCancel(ctx)
	defer end()
	var err error
	waited := make(chan struct{})
	go func() {
		defer close(waited)
		defer end()
		err = b.awaitMonitor(ended, id)
	}()
	changed := pollUntil(ended, int(w.inotify.Fd()))
	if ended.Err() == nil {
		return changed
	}
	<-waited
	if ctx.Err() != nil {
		return contextError(ctx)
	}
	return err
}

// Stop implements vzcontract.Lifecycle.
func (b *Backend) Stop(ctx context.Context, ref string, opts vzcontract.StopOptions) error {
	if opts.Signal != "" {
		if _, err := signame.Parse(opts.Signal); err != nil {
			return failure("stop", ref, err)
		}
	}
	goes := "" // the container, where its monitor removes it
	err := b.settled(ctx, "stop", ref, func(c *container) error {
		if _, err := c.st.State.Next(vzcontract.StepStop); err != nil {
			return err
		}
		if c.cfg.Run.AutoRemove && !c.orphaned && !opts.Restart {
			goes = c.cfg.ID
		}
		switch {
		case c.orphaned:
			return b.stopOrphan(ctx, c, opts)
		case c.down():
			return nil
		}
		return b.ask(ctx, c.cfg.ID, &wire.Message{Op: wire.Stop, Signal: opts.Signal, Grace: opts.Grace, Restart: opts.Restart})
	})
	if err == nil && goes != "" {
		// So that its name is free again when this returns.
		if _, err = b.wait(ctx, goes, vzcontract.WaitRemoved); errors.Is(err, vzcontract.ErrNotFound) {
			err = nil
		}
		err = failure("stop", ref, err)
	}
	return err
}

// Kill implements vzcontract.Lifecycle.
func (b *Backend) Kill(ctx context.Context, ref, signal string) error {
	return b.settled(ctx, "kill", ref, func(c *container) error {
		if signal == "" {
			signal = "KILL"
		}
		sig, err := signame.Parse(signal)
		switch {
		case err != nil:
			return err
		case c.down():
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container is %s, not running", c.st.State)
		case c.orphaned:
			return b.signalOrphan(c, sig)
		}
		return b.ask(ctx, c.cfg.ID, &wire.Message{Op: wire.Kill, Signal: signal})
	})
}

// signalOrphan signals a container whose monitor is gone. Its first process is
// in its cgroup, so the pid cannot be somebody else's.
func (b *Backend) signalOrphan(c *container, sig unix.Signal) error {
	g, err := processesOf(c.cfg, c.st)
	if err != nil {
		return err
	}
	if sig == unix.SIGKILL {
		if err := g.Kill(); err != nil {
			return err
		}
		_, err = b.truth(c.cfg.ID)
		return err
	}
	fd, err := unix.PidfdOpen(c.st.PID, 0)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container's first process has ended")
	}
	defer unix.Close(fd)
	pids, err := g.PIDs()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if pid == c.st.PID {
			return unix.PidfdSendSignal(fd, sig, nil, 0)
		}
	}
	return vzcontract.Errorf(vzcontract.ErrConflict, "the container's first process has ended")
}

// stopOrphan is Stop for a container whose monitor is gone.
func (b *Backend) stopOrphan(ctx context.Context, c *container, opts vzcontract.StopOptions) error {
	run := record.RunConfig(c.cfg, c.st)
	name := run.StopSignal
	if opts.Signal != "" {
		name = opts.Signal
	}
	sig, err := signame.Parse(name)
	if err != nil {
		return err
	}
	grace := 10 * time.Second
	for _, g := range []*time.Duration{run.StopGrace, opts.Grace} {
		if g != nil {
			grace = *g
		}
	}
	g, err := processesOf(c.cfg, c.st)
	if err != nil {
		return err
	}
	if c.st.State == vzcontract.StatePaused {
		if err := g.Thaw(); err != nil {
			return err
		}
	}
	if err := b.signalOrphan(c, sig); err != nil && !errors.Is(err, vzcontract.ErrConflict) {
		return err
	}
	wait, cancel := ctx, context.CancelFunc(func() {})
	if grace >= 0 {
		wait, cancel = context.WithTimeout(ctx, grace)
	}
	defer cancel()
	if err := awaitProcess(wait, c.st.PID); err != nil && ctx.Err() != nil {
		return err
	}
	if err := g.Kill(); err != nil {
		return err
	}
	if _, err := b.truth(c.cfg.ID); err != nil {
		return err
	}
	return b.cleanUp(ctx, c.cfg)
}

// awaitProcess returns when the process has ended.
func awaitProcess(ctx context.Context, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil //nolint:nilerr // it has ended
	}
	defer unix.Close(fd)
	return pollUntil(ctx, fd)
}
