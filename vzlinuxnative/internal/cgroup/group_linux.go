package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/cgroups"
	_ "github.com/opencontainers/cgroups/devices" // device rules

	"vz.internal/vzcontract"
)

// A Group is the cgroup of one container, in every hierarchy. Its methods are
// safe for concurrent use.
type Group struct {
	path    string
	paths   map[string]string // the manager forgets its own when it destroys
	manager cgroups.Manager
}

// Open finds the cgroup of path. One that exists in no hierarchy is
// vzcontract.ErrNotFound, and that of "" vzcontract.ErrUnsupported.
func Open(path string) (*Group, error) {
	if path == "" {
		return nil, errNone()
	}
	g, err := At(path)
	if err != nil {
		return nil, err
	}
	if !g.Exists() {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "cgroup %s does not exist", path)
	}
	return g, nil
}

// At returns the cgroup of path, which need not exist. That of "", of a container without
// a cgroup, has no processes and does nothing.
func At(path string) (*Group, error) {
	cfg, err := Config(path)
	if err != nil {
		return nil, err
	}
	cfg.Resources = &cgroups.Resources{SkipDevices: true}
	m, err := Manager(cfg)
	if err != nil {
		return nil, fmt.Errorf("cgroup %s: %w", path, err)
	}
	return &Group{path: path, paths: maps.Clone(m.GetPaths()), manager: m}, nil
}

// Config is what libcontainer's cgroup managers need to know to find the
// cgroup of path: a scope of systemd where that runs the host.
func Config(path string) (*cgroups.Cgroup, error) {
	if path == "" {
		return &cgroups.Cgroup{}, nil
	}
	if !strings.HasPrefix(path, "/") || filepath.Clean(path) != path || path == "/" {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "cgroup path %q is not a clean absolute path", path)
	}
	if !runsSystemd() {
		return &cgroups.Cgroup{Path: path}, nil
	}
	slice, err := sliceOf(path)
	if err != nil {
		return nil, err
	}
	return &cgroups.Cgroup{Systemd: true, Parent: slice, ScopePrefix: "vz", Name: filepath.Base(path)}, nil
}

// sliceOf returns the slice for the scope of path, "/[parent/]vz/<id>".
func sliceOf(path string) (string, error) {
	parent := filepath.Base(strings.TrimSuffix(filepath.Dir(path), "/vz"))
	switch {
	case parent == "/" || parent == ".":
		return "system.slice", nil
	case strings.HasSuffix(parent, ".slice"):
		return parent, nil
	}
	return "", vzcontract.Errorf(vzcontract.ErrValidation,
		"cgroup parent %q: systemd runs this host, so the parent must be a slice such as machine.slice", parent)
}

// Path is the path that the group was opened by.
func (g *Group) Path() string { return g.path }

// Exists reports whether any hierarchy has the group.
func (g *Group) Exists() bool {
	for _, dir := range g.paths {
		if cgroups.PathExists(dir) {
			return true
		}
	}
	return false
}

// dir returns the group's directory for a version 1 controller, or the only
// one of version 2; "" without such a hierarchy.
func (g *Group) dir(controller string) string {
	if cgroups.IsCgroup2UnifiedMode() {
		return g.paths[""]
	}
	return g.paths[controller]
}

// PIDs returns the host pids of all processes in the group and in groups
// below it, ascending.
func (g *Group) PIDs() ([]int, error) {
	var all []int
	seen := map[string]bool{}
	for _, dir := range g.paths {
		if seen[dir] {
			continue
		}
		seen[dir] = true
		pids, err := cgroups.GetAllPids(dir)
		if err != nil && !gone(err) {
			return nil, fmt.Errorf("list processes of cgroup %s: %w", g.path, err)
		}
		all = append(all, pids...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Remove kills what is left and removes the group from every hierarchy. It is
// idempotent.
func (g *Group) Remove() error {
	if !g.Exists() {
		return nil
	}
	if err := g.Kill(); err != nil {
		return err
	}
	if err := g.manager.Destroy(); err != nil && !gone(err) {
		return fmt.Errorf("remove cgroup %s: %w", g.path, err)
	}
	return nil
}

// gone reports that the cgroup or a process of it went away meanwhile.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || isNoDevice(err) || errors.Is(err, os.ErrProcessDone)
}
