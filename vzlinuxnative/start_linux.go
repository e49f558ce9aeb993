package vzlinuxnative

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	if err := checkRights(); err != nil {
		return nil, err
	}
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
		return nil, errors.Is(err, errStarted), err
	}
	defer lock.Close()
	if err := lock.Truncate(0); err != nil { // the pid of an earlier monitor
		return nil, false, err
	}
	st, err := b.store.State(id)
	if err != nil {
		return nil, false, err
	}
	if st.Live() || st.Restarting {
		return nil, true, nil
	}
	if c.tended || st.Error != "" || st.Exit != nil && st.Exit.Unknown {
		// A monitor may have been killed in the middle of things, and the runtime
		// directory, which would tell, may be gone with a reboot.
		if err := b.cleanUp(ctx, c.cfg); err != nil {
			return nil, false, err
		}
	}
	if err := b.readyVolumes(ctx, c.cfg); err != nil {
		return nil, false, err
	}
	fault.Point("start.locked")
	m, err := b.monitor()
	if err != nil {
		return nil, false, err
	}
	// From here on it shows that a monitor should be there.
	if err := errors.Join(os.MkdirAll(b.runDir(id), 0o700), notePID(lock, m.pid)); err != nil {
		m.conn.Close()
		return nil, false, err
	}
	fault.Point("start.spawned")
	a, err := exchange(ctx, m.conn, &wire.Message{Op: wire.Start, ID: id, Lock: true}, attach, lock)
	if errors.Is(err, io.EOF) {
		err = vzcontract.Errorf(vzcontract.ErrInternal, "the monitor ended before the container ran: see %s", b.monitorLog())
	}
	return a, false, err
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
