package libct

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/opencontainers/runc/libcontainer"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/program"
)

// A container is one made by Engine.
type container struct {
	lc      *libcontainer.Container
	group   *cgroup.Group
	spec    *specs.Spec
	init    *libcontainer.Process
	pid     int
	console *os.File

	mu     sync.Mutex
	reaped bool // guarded by mu
}

// create starts the init up to its wait for Start.
func (c *container) create(ctx context.Context, stdio engine.Stdio) error {
	p, err := NewProcess(c.spec.Process, stdio)
	if err != nil {
		return err
	}
	p.Init = true
	late := TakeLimits(p)
	// Killing what is in the cgroup makes libcontainer give up.
	stop := context.AfterFunc(ctx, func() { _ = c.group.Kill() })
	defer stop()
	console, err := withConsole(c.spec.Process.Terminal, p, c.lc.Start)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return startError(err)
	}
	c.init, c.console = p, console
	if c.pid, err = p.Pid(); err != nil {
		return err
	}
	return late.Set(c.pid)
}

func (c *container) PID() int          { return c.pid }
func (c *container) Console() *os.File { return c.console }

// Start implements engine.Container.
func (c *container) Start(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	// libcontainer has looked the program up, and cannot tell any more when
	// the kernel refuses it.
	if err := c.runnable(c.spec.Process); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.group.Kill() })
	defer stop()
	if err := c.lc.Exec(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return startError(err)
	}
	return nil
}

func (c *container) runnable(p *specs.Process) error {
	if len(p.Args) == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "no program to run")
	}
	return program.Runnable(program.Query{
		Root: fmt.Sprintf("/proc/%d/root", c.pid), Name: p.Args[0], Env: p.Env, Cwd: p.Cwd,
	})
}

// Wait implements engine.Container.
func (c *container) Wait() (unix.WaitStatus, error) {
	ws, err := waitStatus(c.init)
	c.mu.Lock()
	c.reaped = true
	c.mu.Unlock()
	return ws, err
}

// Destroy implements engine.Container.
func (c *container) Destroy(context.Context) error {
	if err := c.group.Kill(); err != nil {
		return err
	}
	c.mu.Lock()
	reap := c.init != nil && !c.reaped
	c.reaped = true
	c.mu.Unlock()
	if reap {
		// The group is dead; the status is nobody's.
		_, _ = waitStatus(c.init)
	}
	if err := c.lc.Destroy(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("destroy: %w", err)
	}
	return c.group.Remove()
}
