package fake

import (
	"context"
	"maps"
	"slices"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// A volume is its description and files.
type volume struct {
	Info  vzcontract.VolumeInfo `json:"info"`
	Files *store                `json:"files"`
}

func (b *Backend) newVolume(cfg vzcontract.VolumeConfig) *volume {
	anonymous := cfg.Name == ""
	if anonymous {
		cfg.Name = randomID()
	}
	cfg.Driver = firstOf(cfg.Driver, "local")
	v := &volume{Files: &store{tree.NewMem()}, Info: vzcontract.VolumeInfo{
		VolumeConfig: cfg, Anonymous: anonymous, Mountpoint: "memory:" + cfg.Name, CreatedAt: time.Now(),
	}}
	b.st.Volumes[cfg.Name] = v
	b.eventOf("volume", "create", cfg.Name, nil)
	return v
}

func (b *Backend) usersOf(name string) []string {
	var ids []string
	for id, c := range b.st.Containers {
		if slices.ContainsFunc(c.Info.Mounts, func(m vzcontract.MountInfo) bool { return m.Name == name }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func volumeError(op, name string, class error, format string, args ...any) error {
	return &vzcontract.Error{Op: op, Kind: "volume", Name: name, Class: class, Err: vzcontract.Errorf(class, format, args...)}
}

func (b *Backend) volumeInfo(v *volume) vzcontract.VolumeInfo {
	info := v.Info
	info.UsedBy = b.usersOf(info.Name)
	return info
}

// CreateVolume implements vzcontract.Volumes.
func (b *Backend) CreateVolume(ctx context.Context, cfg vzcontract.VolumeConfig) (info vzcontract.VolumeInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	err = b.once(func() error {
		switch {
		case cfg.Name != "" && !namePattern().MatchString(cfg.Name):
			return volumeError("create", cfg.Name, vzcontract.ErrValidation, "invalid name %q", cfg.Name)
		case cfg.Driver != "" && cfg.Driver != "local":
			return volumeError("create", cfg.Name, vzcontract.ErrUnsupported, "unknown driver %q: only local is there", cfg.Driver)
		}
		v := b.st.Volumes[cfg.Name]
		if v != nil && !maps.Equal(v.Info.Options, cfg.Options) {
			return volumeError("create", cfg.Name, vzcontract.ErrConflict, "it exists with other options")
		}
		if v == nil {
			v = b.newVolume(cfg)
		}
		info = b.volumeInfo(v)
		return nil
	})
	return info, err
}

// ListVolumes implements vzcontract.Volumes.
func (b *Backend) ListVolumes(ctx context.Context) (infos []vzcontract.VolumeInfo, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = b.once(func() error {
		for _, name := range slices.Sorted(maps.Keys(b.st.Volumes)) {
			infos = append(infos, b.volumeInfo(b.st.Volumes[name]))
		}
		return nil
	})
	return infos, err
}

// InspectVolume implements vzcontract.Volumes.
func (b *Backend) InspectVolume(ctx context.Context, name string) (info vzcontract.VolumeInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	err = b.once(func() error {
		v := b.st.Volumes[name]
		if v == nil {
			return volumeError("inspect", name, vzcontract.ErrNotFound, "no such volume")
		}
		info = b.volumeInfo(v)
		return nil
	})
	return info, err
}

// RemoveVolume implements vzcontract.Volumes.
func (b *Backend) RemoveVolume(ctx context.Context, name string, force bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.once(func() error {
		v := b.st.Volumes[name]
		if v == nil {
			if force {
				return nil
			}
			return volumeError("remove", name, vzcontract.ErrNotFound, "no such volume")
		}
		if users := b.usersOf(name); len(users) > 0 {
			return volumeError("remove", name, vzcontract.ErrConflict, "container %s uses it: remove that first", users[0][:12])
		}
		delete(b.st.Volumes, name)
		b.eventOf("volume", "destroy", name, nil)
		return nil
	})
}

// PruneVolumes implements vzcontract.Volumes.
func (b *Backend) PruneVolumes(ctx context.Context, all bool) (report vzcontract.PruneReport, err error) {
	if err := ctx.Err(); err != nil {
		return report, err
	}
	err = b.once(func() error {
		for _, name := range slices.Sorted(maps.Keys(b.st.Volumes)) {
			v := b.st.Volumes[name]
			if len(b.usersOf(name)) > 0 || !v.Info.Anonymous && !all {
				continue
			}
			delete(b.st.Volumes, name)
			report.Removed, report.Freed = append(report.Removed, name), report.Freed+v.Files.Size()
			b.eventOf("volume", "destroy", name, nil)
		}
		return nil
	})
	return report, err
}
