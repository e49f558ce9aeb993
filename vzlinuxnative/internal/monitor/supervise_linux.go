package monitor

import (
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

// supervise waits for the end of a run and records it.
func (m *monitor) supervise(r *run) {
	ws := r.wait()
	fault.Point("stop.reaped")
	r.stop()
	exit := statusOf(ws)
	exit.OOMKilled = m.oomKilled(r)
	if !ownsPIDs(r.spec) {
		// Others of the container may live on and hold its streams.
		m.destroy(r)
	}
	r.streams.End()
	if m.log != nil {
		if err := m.log.Flush(); err != nil {
			m.complain("write log", err)
		}
	}
	if err := r.net.close(); err != nil {
		m.complain("leave networks", err)
	}
	fault.Point("stop.drained")
	now := time.Now()
	r.took = now.Sub(r.began)
	_, err := m.store.Update(m.id, func(st *record.State) error {
		st.State, st.StoppedAt, st.PID = vzcontract.StateStopped, now, 0
		st.Exit, st.LastExit = &exit, &exit
		st.Exits++
		st.Networks, st.Ports = nil, nil
		r.again = !st.StopAsked && (r.isSick() || wantsRestart(record.RunConfig(m.cfg, st).Restart, st, exit))
		st.Restarting = r.again
		return nil
	})
	if err != nil {
		r.again = false // removed, or its directory is gone
	}
	fault.Point("stop.recorded")
	r.exit = exit
	m.set(func() {
		m.run = nil
		m.closing = m.closing || !r.again
	})
	close(r.ended)
	if exit.OOMKilled {
		m.event("oom", nil)
	}
	m.event("die", map[string]string{"exitCode": strconv.Itoa(exit.Code)})
	m.destroy(r)
	fault.Point("stop.destroyed")
}

// wait reaps the workload. The descriptor tells its end before the pid can be
// somebody else's.
func (r *run) wait() unix.WaitStatus {
	if fd, err := unix.PidfdOpen(r.c.PID(), 0); err == nil {
		awaitReadable(fd)
		unix.Close(fd)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	ws, err := r.c.Wait()
	r.reaped = true
	if err != nil {
		return unix.WaitStatus(255 << 8)
	}
	return ws
}

func awaitReadable(fd int) {
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func statusOf(ws unix.WaitStatus) vzcontract.ExitStatus {
	if ws.Signaled() {
		return vzcontract.ExitStatus{Code: 128 + int(ws.Signal()), Signal: int(ws.Signal())}
	}
	return vzcontract.ExitStatus{Code: ws.ExitStatus()}
}

// oomKilled asks the kernel where a limit may have been hit.
func (m *monitor) oomKilled(r *run) bool {
	if r.spec.Linux.Resources == nil || r.spec.Linux.Resources.Memory == nil {
		return false
	}
	g, err := cgroup.At(m.cfg.CgroupsPath)
	if err != nil {
		return false
	}
	n, err := g.OOMKills()
	return err == nil && n > 0
}

// wantsRestart reports whether the policy has a container start again that
// nobody asked to stop.
func wantsRestart(p vzcontract.RestartPolicy, st *record.State, exit vzcontract.ExitStatus) bool {
	switch p.Mode {
	case vzcontract.RestartAlways, vzcontract.RestartUnlessStopped:
		return true
	case vzcontract.RestartOnFailure:
		return exit.Code != 0 && (p.MaxRetries == 0 || st.RestartCount < p.MaxRetries)
	}
	return false
}

// destroy removes what the engine made. What it cannot remove, the next start
// or the removal of the container does.
func (m *monitor) destroy(r *run) {
	if err := r.c.Destroy(context.Background()); err != nil {
		m.complain("clean up", err)
	}
}

// clear removes what a stopped container needs no more.
func (m *monitor) clear() error {
	fault.Point("stop.clear")
	m.detachImages()
	return errors.Join(rootfs.Unmount(m.store.Dir(m.id)), os.RemoveAll(m.dir))
}

// goWithEnd removes the container if it was to go with its end, and reports
// whether it did. A restart is no end.
func (m *monitor) goWithEnd() (bool, error) {
	if m.cfg == nil || !m.cfg.Run.AutoRemove || m.isKept() {
		return false, nil
	}
	st, err := m.store.State(m.id)
	if err != nil || st.State != vzcontract.StateStopped {
		return false, err // one whose start failed stays, to tell why
	}
	if err := m.remove(); err != nil {
		return false, err
	}
	return true, nil
}

// complain writes to the monitor's own log, which nobody reads as long as all
// is well.
func (m *monitor) complain(what string, err error) {
	_, _ = os.Stderr.WriteString(time.Now().UTC().Format(time.RFC3339) + " " + what + ": " + err.Error() + "\n")
}
