package cgroup

import (
	"path/filepath"
	"strings"
	"sync"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
)

// Manager returns libcontainer's manager of the cgroup that cfg names. It looks
// for the hierarchies of version 1 once in a process.
func Manager(cfg *cgroups.Cgroup) (cgroups.Manager, error) {
	if cfg.Path == "" && !cfg.Systemd {
		return none{}, nil
	}
	if cfg.Systemd || !filepath.IsAbs(cfg.Path) || cgroups.IsCgroup2UnifiedMode() {
		return manager.New(cfg)
	}
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string, len(roots))
	for controller, root := range roots {
		paths[controller] = filepath.Join(root, filepath.Clean(cfg.Path))
	}
	return manager.NewWithPaths(cfg, paths)
}

// hierarchies are the directories in which cgroups of version 1 are made, by
// controller.
var hierarchies = sync.OnceValues(func() (map[string]string, error) {
	const probe = "/vz"
	m, err := manager.New(&cgroups.Cgroup{Path: probe, Resources: &cgroups.Resources{SkipDevices: true}})
	if err != nil {
		return nil, err
	}
	roots := map[string]string{}
	for controller, path := range m.GetPaths() {
		roots[controller] = strings.TrimSuffix(path, probe)
	}
	return roots, nil
})
