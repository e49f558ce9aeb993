package vzlinuxnative

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
	"vz.internal/vzlinuxnative/internal/volume"
)

var _ vzcontract.Volumes = (*Backend)(nil)

func (b *Backend) volumes() (*volume.Store, error) {
	return volume.Open(filepath.Join(b.opts.Home, "volumes"), b.volumeUsers)
}

func (b *Backend) volumeUsers(name string) ([]string, error) {
	users, err := b.store.VolumeUsers(name)
	if err != nil || b.opts.VolumeUsers == nil {
		return users, err
	}
	others, err := b.opts.VolumeUsers(name)
	return append(users, others...), err
}

// makeVolume makes the volume of a mount where it is missing, and fills a new
// one from the image.
func (b *Backend) makeVolume(ctx context.Context, cfg *record.Config, m record.Mount) error {
	v, err := b.volumes()
	if err != nil {
		return err
	}
	create := v.Create
	if m.Anonymous {
		create = v.CreateAnonymous
	}
	_, known := v.Inspect(m.Volume)
	want := vzcontract.VolumeConfig{Name: m.Volume, Driver: m.VolumeDriver, Options: m.VolumeOptions, Labels: m.VolumeLabels}
	if known != nil || m.VolumeDriver != "" || len(m.VolumeOptions) > 0 {
		if _, err := create(want); err != nil {
			return err
		}
	}
	if known != nil {
		b.note(vzcontract.Event{Type: "volume", Action: "create", ID: m.Volume, Attributes: map[string]string{"driver": "local"}})
	}
	if m.NoCopy || m.Subpath != "" {
		return nil
	}
	root, err := rootfs.OpenLayers(slices.DeleteFunc(slices.Clone(cfg.Layers), func(dir string) bool { return dir == b.places() }))
	if errors.Is(err, vzcontract.ErrUnsupported) {
		return nil // without overlay the volume stays empty
	}
	if err != nil {
		return err
	}
	defer root.Close()
	return v.Fill(ctx, m.Volume, root, m.Target)
}

// readyVolumes sees to it that the volumes of a container that is about to
// start are there and mounted on the host. Those that a create which was
// killed had not made are made now.
func (b *Backend) readyVolumes(ctx context.Context, cfg *record.Config) error {
	for _, m := range cfg.Mounts {
		if m.Type != vzcontract.MountVolume {
			continue
		}
		v, err := b.volumes()
		if err != nil {
			return err
		}
		if _, err := v.Path(m.Volume); errors.Is(err, vzcontract.ErrNotFound) {
			if err := b.makeVolume(ctx, cfg, m); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
	}
	return nil
}

// CreateVolume implements vzcontract.Volumes.
func (b *Backend) CreateVolume(ctx context.Context, cfg vzcontract.VolumeConfig) (vzcontract.VolumeInfo, error) {
	if err := ctx.Err(); err != nil {
		return vzcontract.VolumeInfo{}, err
	}
	v, err := b.volumes()
	if err != nil {
		return vzcontract.VolumeInfo{}, err
	}
	info, err := v.Create(cfg)
	if err == nil {
		b.note(vzcontract.Event{Type: "volume", Action: "create", ID: info.Name, Attributes: map[string]string{"driver": "local"}})
	}
	return info, err
}

// ListVolumes implements vzcontract.Volumes.
func (b *Backend) ListVolumes(ctx context.Context) ([]vzcontract.VolumeInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := b.volumes()
	if err != nil {
		return nil, err
	}
	return v.List()
}

// InspectVolume implements vzcontract.Volumes.
func (b *Backend) InspectVolume(ctx context.Context, name string) (vzcontract.VolumeInfo, error) {
	if err := ctx.Err(); err != nil {
		return vzcontract.VolumeInfo{}, err
	}
	v, err := b.volumes()
	if err != nil {
		return vzcontract.VolumeInfo{}, err
	}
	return v.Inspect(name)
}

// RemoveVolume implements vzcontract.Volumes.
func (b *Backend) RemoveVolume(ctx context.Context, name string, force bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v, err := b.volumes()
	if err != nil {
		return err
	}
	if err := v.Remove(name, force); err != nil {
		return err
	}
	b.note(vzcontract.Event{Type: "volume", Action: "destroy", ID: name, Attributes: map[string]string{"driver": "local"}})
	return nil
}

// PruneVolumes implements vzcontract.Volumes.
func (b *Backend) PruneVolumes(ctx context.Context, all bool) (vzcontract.PruneReport, error) {
	if err := ctx.Err(); err != nil {
		return vzcontract.PruneReport{}, err
	}
	v, err := b.volumes()
	if err != nil {
		return vzcontract.PruneReport{}, err
	}
	return v.Prune(all)
}
