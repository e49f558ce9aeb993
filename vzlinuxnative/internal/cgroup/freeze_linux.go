package cgroup

import (
	"fmt"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

var errNoFreezer = vzcontract.Errorf(vzcontract.ErrUnsupported, "this host has neither the freezer controller nor cgroup version 2")

// Freeze stops every process of the group and returns when all have stopped.
func (g *Group) Freeze() error { return g.setFrozen(true) }

// Thaw lets the processes of the group go on.
func (g *Group) Thaw() error { return g.setFrozen(false) }

// Frozen reports whether the group is frozen.
func (g *Group) Frozen() (bool, error) {
	state, err := g.manager.GetFreezerState()
	if err != nil {
		return false, fmt.Errorf("read freezer of cgroup %s: %w", g.path, err)
	}
	return state == cgroups.Frozen, nil
}

func (g *Group) setFrozen(frozen bool) error {
	switch {
	case g.path == "":
		return errNone()
	case g.dir("freezer") == "":
		return errNoFreezer
	}
	state := cgroups.Thawed
	if frozen {
		state = cgroups.Frozen
	}
	err := g.manager.Freeze(state)
	if err != nil && !cgroups.PathExists(g.dir("freezer")) {
		return fmt.Errorf("freezer of cgroup %s: %w", g.path, unix.ENOENT)
	}
	if err != nil {
		return fmt.Errorf("freezer of cgroup %s: %w", g.path, err)
	}
	return nil
}
