package direct

import (
	"context"
	"fmt"
	"os"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
)

// Exec implements engine.Container.
func (c *container) Exec(ctx context.Context, req engine.ExecRequest) (engine.Process, error) {
	files, done, err := openStdio(req.Stdio, req.Process)
	if err != nil {
		return nil, err
	}
	defer done()
	group, err := newExecGroup(c.cgroup, req.ID)
	if err != nil {
		return nil, err
	}
	root, err := c.openRoot()
	if err != nil {
		group.remove()
		return nil, err
	}
	defer root.Close()
	p, err := c.execPlan(req.Process, group.member.files, files, root)
	if err != nil {
		group.remove()
		return nil, err
	}
	cfg := spawnConfig{}
	if cfg.cgroup, err = group.member.open(); err != nil {
		group.remove()
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container is not running")
	}
	defer cfg.cgroup.Close() // nil is fine
	if hasNamespace(c.spec, specs.PIDNamespace) {
		if cfg.pidns, err = os.Open("/proc/" + strconv.Itoa(c.init.pid) + "/ns/pid"); err != nil {
			group.remove()
			return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container is not running")
		}
		defer cfg.pidns.Close()
	}
	ch, err := spawn(ctx, cfg, p)
	if err != nil {
		group.remove()
		return nil, err
	}
	if err := ch.release(ctx); err != nil {
		ch.abort()
		group.remove()
		return nil, execError(err, req.Process)
	}
	return &execProcess{child: ch, group: group}, nil
}

// openRoot opens the container's root. Who joins its mount namespace comes to
// that one's root, which is another where vz itself runs below a chroot: pivot_root
// moves the namespace's only for those who have it as theirs.
func (c *container) openRoot() (*os.File, error) {
	root, err := os.OpenFile("/proc/"+strconv.Itoa(c.init.pid)+"/root", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err == nil {
		if err = unix.PidfdSendSignal(int(c.init.pidfd.Fd()), 0, nil, 0); err == nil {
			return root, nil
		}
		root.Close() // of whoever has the pid now
	}
	return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container is not running")
}

func (c *container) execPlan(proc *specs.Process, cgroups []string, stdio [3]*os.File, root *os.File) (*plan, error) {
	p := new(plan)
	p.add(opSetsid, "become a session leader")
	p.addCgroups(cgroups)
	if proc.OOMScoreAdj != nil {
		p.add(opWrite, "set oom_score_adj", "/proc/self/oom_score_adj", strconv.Itoa(*proc.OOMScoreAdj))
	}
	flags := 0
	for _, ns := range c.spec.Linux.Namespaces {
		if ns.Type != specs.PIDNamespace {
			flags |= cloneFlags[ns.Type]
		}
	}
	p.add(opSetns, "join the container's namespaces", int(c.init.pidfd.Fd()), flags)
	p.add(opChroot, "enter the container's root", int(root.Fd()))
	p.add(opKeyring, "join session keyring", "_ses.exec")
	p.addStdio(proc, stdio, false)
	p.add(opReady, "wait for start")
	if err := p.addBecome(proc, c.filter); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	return p, nil
}

func hasNamespace(s *specs.Spec, t specs.LinuxNamespaceType) bool {
	for _, ns := range s.Linux.Namespaces {
		if ns.Type == t {
			return true
		}
	}
	return false
}

// An execProcess is one made by Exec.
type execProcess struct {
	*child
	group *execGroup
}

func (p *execProcess) PID() int          { return p.pid }
func (p *execProcess) Console() *os.File { return p.console }

// Wait implements engine.Process.
func (p *execProcess) Wait() (unix.WaitStatus, error) {
	ws, err := p.wait()
	p.close()
	// What it left running in the background stays, and so does the group.
	p.group.remove()
	return ws, err
}

// Kill implements engine.Process.
func (p *execProcess) Kill(context.Context) error { return p.group.kill(p.pid) }
