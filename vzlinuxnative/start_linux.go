package vzlinuxnative

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/monitor"
	"vz.internal/vzlinuxnative/internal/wire"
)

// Start implements vzcontract.Lifecycle.
func (b *Backend) Start(ctx context.Context, ref string, opts vzcontract.StartOptions) (vzcontract.Attachment, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	id, err := b.find("start", ref)
	if err != nil {
		return nil, err
	}
	a, err := b.start(ctx, id, opts.Attach)
	if err != nil {
		return nil, failure("start", ref, err)
	}
	if opts.Attach == nil {
		return nil, nil
	}
	return a, nil
}

func (b *Backend) start(ctx context.Context, id string, attach *vzcontract.AttachOptions) (*attachment, error) {
	for {
		c, err := b.truth(id)
		if err != nil {
			return nil, err
		}
		if _, err := c.st.State.Next(vzcontract.StepStart); err != nil {
			return nil, err
		}
		switch {
		case c.orphaned:
			if attach != nil {
				return nil, errOrphaned
			}
			return nil, nil
		case c.st.Live() && attach == nil:
			return nil, nil
		case c.st.Live():
			a, err := b.request(ctx, id, &wire.Message{Op: wire.Attach}, attach)
			if errors.Is(err, wire.ErrGone) {
				continue
			}
			return a, err
		case c.st.Restarting:
			a, err := b.request(ctx, id, &wire.Message{Op: wire.Start}, attach)
			if errors.Is(err, wire.ErrGone) {
				continue
			}
			return a, err
		}
		a, again, err := b.spawn(ctx, c, attach)
		if !again {
			return a, err
		}
	}
}

var errOrphaned = vzcontract.Errorf(vzcontract.ErrConflict,
	"the container's monitor was killed, so its streams are lost: stop the container and start it again")

// spawn starts a monitor and lets it start the container. It reports again
// when somebody else was quicker.
func (b *Backend) spawn(ctx context.Context, c *container, attach *vzcontract.AttachOptions) (_ *attachment, again bool, err error) {
	id := c.cfg.ID
	lock, err := b.takeMonitorLock(ctx, id)
	if err != nil {
		return nil, false, err
	}
	defer lock.Close()
	st, err := b.store.State(id)
	if err != nil {
		return nil, false, err
	}
	if unsettled(st) {
		return nil, true, nil
	}
	if st.Exits > 0 || st.Error != "" {
		// An earlier monitor may have been killed in the middle of things.
		if err := b.cleanUp(ctx, c.cfg); err != nil {
			return nil, false, err
		}
	}
	fault.Point("start.locked")
	conn, err := b.launchMonitor(id, lock)
	if err != nil {
		return nil, false, err
	}
	fault.Point("start.spawned")
	a, err := exchange(ctx, conn, &wire.Message{Op: wire.Start}, attach)
	if errors.Is(err, io.EOF) {
		err = b.monitorDied(id)
	}
	return a, false, err
}

// launchMonitor starts the process, in a session and a mount namespace of its
// own, with the lock.
func (b *Backend) launchMonitor(id string, lock *os.File) (*wire.Conn, error) {
	argv, err := b.monitorProgram()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := wire.Pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer null.Close()
	log, err := os.OpenFile(b.monitorLog(id), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer log.Close()
	argv = append(argv[:len(argv):len(argv)], "--home", b.opts.Home, "--run", b.opts.Run, "--id", id)
	p, err := os.StartProcess(argv[0], argv, &os.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []*os.File{null, null, log, theirs, lock},
		Sys: &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS},
	})
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("start the monitor: %w", err)
	}
	go func() { _, _ = p.Wait() }() // how it ended, the record says
	return ours, nil
}

func (b *Backend) monitorLog(id string) string { return filepath.Join(b.store.Dir(id), "monitor.log") }

// monitorDied says why a monitor ended before it answered.
func (b *Backend) monitorDied(id string) error {
	text, err := os.ReadFile(b.monitorLog(id))
	if err != nil || len(text) == 0 {
		return vzcontract.Errorf(vzcontract.ErrInternal, "the monitor ended before the container ran")
	}
	const most = 500
	line := string(text[max(0, len(text)-most):])
	return vzcontract.Errorf(vzcontract.ErrInternal, "the monitor ended before the container ran: %q", line)
}

// dial connects to a container's monitor. None there is wire.ErrGone.
func (b *Backend) dial(id string) (*wire.Conn, error) {
	conn, err := wire.Dial(filepath.Join(b.runDir(id), monitor.Socket))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", wire.ErrGone, err)
	}
	return conn, nil
}

// request asks a container's monitor for something that gives an attachment.
// A monitor that ends meanwhile is wire.ErrGone.
func (b *Backend) request(ctx context.Context, id string, m *wire.Message, attach *vzcontract.AttachOptions) (*attachment, error) {
	conn, err := b.dial(id)
	if err != nil {
		return nil, err
	}
	a, err := exchange(ctx, conn, m, attach)
	if errors.Is(err, io.EOF) {
		err = wire.ErrGone
	}
	return a, err
}
