package direct

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// An execGroup is the cgroup of one exec, below the container's, so that
// everything it starts can be found and killed. With version 1 it is in the
// freezer hierarchy; the exec joins the container's own cgroup in the others.
type execGroup struct {
	dir    string
	member membership
}

func newExecGroup(cg cgroups.Manager, id string) (*execGroup, error) {
	parent := cg.Path("freezer")
	if cgroups.IsCgroup2UnifiedMode() {
		parent = cg.Path("")
	}
	g := &execGroup{member: membershipOf(cg)}
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

// kill ends every process of the group.
func (g *execGroup) kill() error {
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
