package libct

import (
	"context"
	"os"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine"
)

// Exec implements engine.Container.
func (c *container) Exec(ctx context.Context, req engine.ExecRequest) (engine.Process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	status, err := c.lc.Status()
	if err != nil || status == libcontainer.Stopped {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container is not running")
	}
	if err := c.runnable(req.Process); err != nil {
		return nil, err
	}
	p, err := NewProcess(req.Process, req.Stdio)
	if err != nil {
		return nil, err
	}
	sub, err := c.group.NewSub(req.ID)
	if err != nil {
		return nil, err
	}
	p.SubCgroupPaths = sub.Paths()
	console, err := withConsole(req.Process.Terminal, p, c.lc.Start)
	if err != nil {
		sub.Remove()
		return nil, startError(err)
	}
	pid, err := p.Pid()
	return &process{lp: p, pid: pid, console: console, sub: sub}, err
}

// A process is one made by Exec.
type process struct {
	lp      *libcontainer.Process
	pid     int
	console *os.File
	sub     *cgroup.Sub
}

func (p *process) PID() int          { return p.pid }
func (p *process) Console() *os.File { return p.console }

// Wait implements engine.Process. What the process left running stays, and so
// does its cgroup.
func (p *process) Wait() (unix.WaitStatus, error) {
	ws, err := waitStatus(p.lp)
	p.sub.Remove()
	return ws, err
}

// Kill implements engine.Process.
func (p *process) Kill(context.Context) error { return p.sub.Kill() }
