package vzlinuxnative

import (
	"context"
	"errors"
	"net"
	"slices"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/portdial"
)

var _ vzcontract.Dialer = (*Backend)(nil)

// DialPort implements vzcontract.Dialer. The socket is made here, in the namespace of the
// container's process: its monitor has no part in it, and one that has died is not missed.
func (b *Backend) DialPort(ctx context.Context, ref string, port uint16) (conn net.Conn, err error) {
	err = b.settled(ctx, "connect to", ref, func(c *container) error {
		if err := vzcontract.CheckPort(port); err != nil {
			return err
		}
		if err := checkRights(); err != nil {
			return err
		}
		if c.st.State != vzcontract.StateRunning {
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container is %s, not running", c.st.State)
		}
		pidfd, err := c.process()
		if err != nil {
			return err
		}
		defer unix.Close(pidfd)
		conn, err = portdial.Dial(ctx, pidfd, port)
		if errors.Is(err, unix.ESRCH) {
			return errJustStopped
		}
		return err
	})
	return conn, err
}

var errJustStopped = vzcontract.Errorf(vzcontract.ErrConflict, "the container has just stopped")

// process opens the container's first process. It is that one and none that has got its
// number since: it is one of the container's.
func (c *container) process() (pidfd int, err error) {
	pidfd, err = unix.PidfdOpen(c.st.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, errJustStopped
	}
	if err != nil {
		return -1, err
	}
	var pids []int
	all, err := processesOf(c.cfg, c.st)
	if err == nil {
		pids, err = all.PIDs()
	}
	if err == nil && (!slices.Contains(pids, c.st.PID) || unix.PidfdSendSignal(pidfd, 0, nil, 0) != nil) {
		err = errJustStopped
	}
	if err != nil {
		unix.Close(pidfd)
		return -1, err
	}
	return pidfd, nil
}
