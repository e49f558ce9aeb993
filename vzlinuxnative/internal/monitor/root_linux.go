package monitor

import (
	"fmt"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

func (m *monitor) engineDir() string { return filepath.Join(m.dir, "engine") }

// mountRoot mounts the root in this process's mount namespace, once for all
// runs.
func (m *monitor) mountRoot() error {
	if m.root.Path != "" {
		return nil
	}
	root, err := rootfs.Mount(rootfs.Options{
		Layers: m.cfg.Layers, Dir: m.store.Dir(m.id), Volatile: m.cfg.Run.AutoRemove,
	})
	if err != nil {
		return fmt.Errorf("mount root: %w", err)
	}
	m.root = root
	return nil
}

// makeCwd makes the working directory where it is missing.
func (m *monitor) makeCwd(spec *specs.Spec) error {
	if spec.Process.Cwd == "/" {
		return nil
	}
	u := spec.Process.User
	if err := inroot.MkdirAll(m.root.Path, spec.Process.Cwd, int(u.UID), int(u.GID)); err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "make working directory: %w", err)
	}
	return nil
}

// ownsPIDs reports whether the workload is process 1 of a namespace of its
// own, so that nothing of it outlives it.
func ownsPIDs(s *specs.Spec) bool {
	for _, ns := range s.Linux.Namespaces {
		if ns.Type == specs.PIDNamespace {
			return ns.Path == ""
		}
	}
	return false
}
