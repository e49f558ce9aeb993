package direct

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/process"
)

// An execGroup is the cgroup of one exec, below the container's, so that
// everything it starts can be found and killed. With version 1 it is in the
// freezer hierarchy; the exec joins the container's own cgroup in the others.
type execGroup struct {
	dir    string
	member membership
	free   bool // the container has no cgroup: its processes are found by their parents
}

func newExecGroup(cg cgroups.Manager, id string) (*execGroup, error) {
	parent := cg.Path("freezer")
	if cgroups.IsCgroup2UnifiedMode() {
		parent = cg.Path("")
	}
	g := &execGroup{member: membershipOf(cg), free: len(cg.GetPaths()) == 0}
	if parent == "" {
		return g, nil
	}
	g.dir = filepath.Join(parent, "exec-"+id)
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make cgroup of exec: %w", err)
	}
	if g.member.dir == parent {
		g.member.dir = g.dir
	}
	for i, f := range g.member.files {
		if filepath.Dir(f) == parent {
			g.member.files[i] = filepath.Join(g.dir, filepath.Base(f))
		}
	}
	return g, nil
}

// remove removes the group if nothing runs in it any more; else the
// container's end does.
func (g *execGroup) remove() {
	if g.dir != "" {
		_ = unix.Rmdir(g.dir)
	}
}

// kill ends every process of the group, of the exec that pid is of.
func (g *execGroup) kill(pid int) error {
	if g.free {
		return killOffspring(pid)
	}
	if g.dir == "" {
		return errors.New("kill exec: the host has neither a freezer nor a unified cgroup")
	}
	if err := os.WriteFile(filepath.Join(g.dir, "cgroup.kill"), []byte("1"), 0); err == nil {
		return nil
	}
	for {
		// Frozen, it cannot fork away from the signals.
		state := filepath.Join(g.dir, "freezer.state")
		_ = os.WriteFile(state, []byte("FROZEN"), 0)
		pids, err := cgroups.GetPids(g.dir)
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		_ = os.WriteFile(state, []byte("THAWED"), 0)
		if errors.Is(err, os.ErrNotExist) || err == nil && len(pids) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("kill exec: %w", err)
		}
		for _, pid := range slices.Compact(pids) {
			if err := killAndAwait(pid); err != nil {
				return err
			}
		}
	}
}

// killOffspring kills a process that is not yet reaped, its descendants and its session.
func killOffspring(pid int) error {
	for {
		// Stopped, they cannot fork away from the signals.
		pids, err := process.Offspring(pid)
		if err != nil {
			return fmt.Errorf("kill exec: %w", err)
		}
		if len(pids) == 0 {
			return nil
		}
		for _, sig := range []unix.Signal{unix.SIGSTOP, unix.SIGKILL} {
			for _, one := range pids {
				_ = unix.Kill(one, sig) // it may just have ended
			}
		}
		for _, one := range pids {
			if err := killAndAwait(one); err != nil {
				return err
			}
		}
	}
}
