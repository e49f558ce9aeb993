package direct

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/devices/config"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/engine"
)

// A container is one made by this engine.
type container struct {
	spec   *specs.Spec
	filter filter // compiled once: an exec has it too
	cgroup cgroups.Manager
	init   *child

	mu      sync.Mutex
	started bool // guarded by mu
	reaped  bool // guarded by mu
}

func (c *container) create(ctx context.Context, res *cgroups.Resources, nodes []*config.Device, stdio engine.Stdio) error {
	if err := c.cgroup.Apply(-1); err != nil {
		if errors.Is(err, fs.ErrNotExist) { // also where limits ask for a controller
			err = fmt.Errorf("%w: the controller is not mounted, see vz doctor", err)
		}
		return fmt.Errorf("make cgroup: %w", err)
	}
	if err := c.cgroup.Set(res); err != nil {
		return fmt.Errorf("set limits: %w", err)
	}
	files, done, err := openStdio(stdio, c.spec.Process)
	if err != nil {
		return err
	}
	defer done()
	member := membershipOf(c.cgroup)
	if c.filter, err = compileFilter(c.spec.Linux.Seccomp); err != nil {
		return err
	}
	p, err := newInitPlan(c.spec, nodes, member.files, files, c.filter)
	if err != nil {
		return err
	}
	defer p.close()
	dir, err := member.open()
	if err != nil {
		return fmt.Errorf("open cgroup: %w", err)
	}
	defer dir.Close() // nil is fine
	c.init, err = spawn(ctx, spawnConfig{flags: p.ns.flags, pidns: p.ns.pid, cgroup: dir}, &p.plan)
	return err
}

func (c *container) PID() int          { return c.init.pid }
func (c *container) Console() *os.File { return c.init.console }

// Start implements engine.Container.
func (c *container) Start(ctx context.Context) error {
	c.mu.Lock()
	started := c.started
	c.started = true
	c.mu.Unlock()
	if started {
		return fmt.Errorf("start: the container was started before")
	}
	return execError(c.init.release(ctx), c.spec.Process)
}

// Wait implements engine.Container.
func (c *container) Wait() (unix.WaitStatus, error) {
	ws, err := c.init.wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reaped = true
	return ws, err
}

// Destroy implements engine.Container.
func (c *container) Destroy(context.Context) error {
	c.mu.Lock()
	reaped := c.reaped
	c.reaped = true
	c.mu.Unlock()
	if !reaped {
		c.init.kill()
		_, _ = c.init.wait()
	}
	c.init.close()
	return c.removeCgroup()
}

// removeCgroup kills what is left in the cgroup and removes it.
func (c *container) removeCgroup() error {
	if err := killAll(c.cgroup); err != nil {
		return err
	}
	if err := c.cgroup.Destroy(); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove cgroup: %w", err)
	}
	return nil
}

// killAll kills every process of the cgroup and returns when none is left.
// In a pid namespace the init's death has done it already.
func killAll(cg cgroups.Manager) error {
	for {
		pids, err := cg.GetAllPids()
		if errors.Is(err, os.ErrNotExist) || err == nil && len(pids) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list processes of cgroup: %w", err)
		}
		// A frozen process does not die.
		if err := cg.Freeze(cgroups.Thawed); err != nil {
			return fmt.Errorf("thaw cgroup: %w", err)
		}
		for _, pid := range pids {
			if err := killAndAwait(pid); err != nil {
				return err
			}
		}
	}
}

// killAndAwait kills a process that is not our child and waits for its end.
func killAndAwait(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
