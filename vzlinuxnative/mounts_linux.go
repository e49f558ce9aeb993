package vzlinuxnative

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/volume"
)

// planMounts resolves the mounts into cfg: those asked for, those of other
// containers, and the volumes without a name, of the command line and of the
// image, where nothing is mounted then. It changes nothing.
func (b *Backend) planMounts(ctx context.Context, cfg *record.Config) error {
	var anonymous []vzcontract.Mount
	for i, m := range cfg.Run.Mounts {
		if m.Anonymous() {
			anonymous = append(anonymous, m)
			continue
		}
		rm, err := b.planMount(ctx, cfg, i, m)
		if err != nil {
			return err
		}
		cfg.Mounts = append(cfg.Mounts, rm)
	}
	if err := b.planVolumesFrom(cfg); err != nil {
		return err
	}
	for _, target := range cfg.ImageConfig.Volumes {
		if target = path.Clean("/" + target); target != "/" {
			anonymous = append(anonymous, vzcontract.Mount{Type: vzcontract.MountVolume, Target: target})
		}
	}
	for _, m := range anonymous {
		if mountedAt(cfg, path.Clean(m.Target)) {
			continue
		}
		rm, err := b.planMount(ctx, cfg, 0, m)
		if err != nil {
			return err
		}
		cfg.Mounts = append(cfg.Mounts, rm)
	}
	return nil
}

func mountedAt(cfg *record.Config, target string) bool {
	return slices.ContainsFunc(cfg.Mounts, func(m record.Mount) bool { return path.Clean(m.Target) == target })
}

// planMount resolves the i-th mount of cfg.Run.
func (b *Backend) planMount(ctx context.Context, cfg *record.Config, i int, m vzcontract.Mount) (record.Mount, error) {
	m.Target = path.Clean(m.Target)
	rm := record.Mount{Mount: m}
	switch m.Type {
	case vzcontract.MountBind:
		rm.HostPath = filepath.Clean(m.Source)
		return rm, checkBind(m)
	case vzcontract.MountVolume:
		rm.Volume, rm.Anonymous = m.Source, m.Source == ""
		if rm.Anonymous {
			rm.Volume = volume.RandomName()
		}
		rm.HostPath = filepath.Join(b.opts.Home, "volumes", rm.Volume, "_data")
	case vzcontract.MountImage:
		if b.opts.Images == nil {
			return rm, vzcontract.Errorf(vzcontract.ErrUnsupported, "mount %s: this backend was opened without an image store", m.Target)
		}
		root, err := b.opts.Images.RootFS(ctx, vzcontract.RootFSRequest{
			Ref: m.Source, Platform: cfg.Run.Platform, Policy: cfg.Run.Pull, Owner: record.MountLease(cfg.ID, i),
		})
		if err != nil {
			return rm, err
		}
		rm.Layers, rm.ReadOnly, rm.HostPath = root.Layers, true, root.Layers[0]
	}
	return rm, nil
}

func checkBind(m vzcontract.Mount) error {
	if m.Subpath != "" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "mount %s: a bind has no subpath: name the path itself", m.Target)
	}
	_, err := os.Stat(m.Source)
	switch {
	case err == nil || errors.Is(err, fs.ErrNotExist) && m.CreateSource:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return invalid("bind source %s does not exist: make it first, or use -v, which makes it", m.Source)
	}
	return invalid("bind source: %w", err)
}

// planVolumesFrom takes over the volumes and binds of other containers, as they are. Of
// two at one target the one that is named later counts.
func (b *Backend) planVolumesFrom(cfg *record.Config) error {
	for _, entry := range slices.Backward(cfg.Run.VolumesFrom) {
		name, mode, _ := strings.Cut(entry, ":")
		if mode != "" && mode != "ro" && mode != "rw" {
			return invalid("volumes from %q: want CONTAINER[:ro|rw]", entry)
		}
		id, err := b.store.Find(name)
		if err != nil {
			return vzcontract.Errorf(vzcontract.SentinelOf(vzcontract.CodeOf(err)), "volumes from %s: %w", name, err)
		}
		from, err := b.store.Config(id)
		if err != nil {
			return err
		}
		st, err := b.store.State(id)
		if err != nil {
			return err
		}
		for _, m := range record.Mounts(from, st) {
			if m.Type == vzcontract.MountTmpfs || m.Type == vzcontract.MountImage || mountedAt(cfg, m.Target) {
				continue
			}
			m.ReadOnly = m.ReadOnly || mode == "ro"
			m.Anonymous, m.NoCopy = false, true // it goes with the other one, and is that one's to fill
			cfg.Mounts = append(cfg.Mounts, m)
		}
	}
	return nil
}

// makeSources makes on the host what the mounts of a new container need:
// missing bind sources, and volumes with what the image has in their places.
func (b *Backend) makeSources(ctx context.Context, cfg *record.Config) error {
	for _, m := range cfg.Mounts {
		switch m.Type {
		case vzcontract.MountBind:
			if err := makeSource(m); err != nil {
				return err
			}
		case vzcontract.MountVolume:
			if err := b.makeVolume(ctx, cfg, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeSource makes the missing source of a bind that wants it made.
func makeSource(m record.Mount) error {
	if _, err := os.Stat(m.HostPath); !m.CreateSource || !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.MkdirAll(m.HostPath, 0o755); err != nil {
		return invalid("make bind source: %w", err)
	}
	return nil
}
