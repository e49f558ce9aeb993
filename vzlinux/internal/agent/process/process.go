package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// grace is how long a program has between TERM and KILL when its host has gone.
const grace = 5 * time.Second

// A Process is one program that was started. Methods are safe for concurrent use.
type Process struct {
	cmd      *exec.Cmd
	group    *group
	terminal *os.File // master side, nil without one
	timedOut atomic.Bool
	done     chan struct{}
	status   agentproto.ExecStatus // valid after done
}

// Wait returns how the program ended.
func (p *Process) Wait(ctx context.Context) (agentproto.ExecStatus, error) {
	select {
	case <-p.done:
		return p.status, nil
	case <-ctx.Done():
		return agentproto.ExecStatus{}, ctx.Err()
	}
}

// Signal sends a signal to the program's process group.
func (p *Process) Signal(number int) error {
	if number < 1 || number > 64 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "there is no signal %d", number)
	}
	select {
	case <-p.done:
		return vzcontract.Errorf(vzcontract.ErrConflict, "the program has ended")
	default:
	}
	err := unix.Kill(-p.cmd.Process.Pid, unix.Signal(number))
	if errors.Is(err, unix.ESRCH) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the program has ended")
	}
	return err
}

// Kill ends the whole tree of the program at once, also what outlived it, and
// returns when it is gone, where there are cgroups to tell.
func (p *Process) Kill() {
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
	p.group.kill()
	p.group.empty(grace)
}

// Resize sets the size of the terminal.
func (p *Process) Resize(size agentproto.TermSize) error {
	if p.terminal == nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the program has no terminal")
	}
	raw, err := p.terminal.SyscallConn()
	if err != nil {
		return err
	}
	var fail error
	err = raw.Control(func(fd uintptr) {
		fail = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
	return errors.Join(err, fail)
}

// end ends the program and what outlived it: TERM, and after the grace KILL.
func (p *Process) end() {
	_ = p.Signal(int(unix.SIGTERM))
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
	}
	p.Kill()
	<-p.done
	p.group.remove()
}

// watch waits for the program, kills its tree at the limit and notes how it ended.
func (p *Process) watch(limit time.Duration) {
	if limit > 0 {
		timer := time.AfterFunc(limit, func() {
			p.timedOut.Store(true)
			p.Kill()
		})
		defer timer.Stop()
	}
	err := p.cmd.Wait()
	p.status = statusOf(p.cmd.ProcessState, err)
	p.status.TimedOut = p.timedOut.Load()
	p.status.OOM = p.group.oomKilled()
	if p.status.TimedOut {
		p.group.empty(grace)
	}
	p.group.remove()
	close(p.done)
}

func statusOf(state *os.ProcessState, err error) agentproto.ExecStatus {
	if state == nil {
		return agentproto.ExecStatus{Code: 255, Error: err.Error()}
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		number := int(ws.Signal())
		return agentproto.ExecStatus{Code: 128 + number, Signal: number}
	}
	return agentproto.ExecStatus{Code: state.ExitCode()}
}
