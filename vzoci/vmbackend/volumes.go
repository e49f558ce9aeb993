package vmbackend

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// volumes are directories of the host that machines share: NAME/_data, and
// NAME/volume.json which tells of it.
type volumes struct{ dir string }

func (v volumes) create(_ context.Context, cfg vzcontract.VolumeConfig) (vzcontract.VolumeInfo, error) {
	info := vzcontract.VolumeInfo{VolumeConfig: cfg, CreatedAt: time.Now().UTC()}
	if info.Name == "" {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails
		info.Name, info.Anonymous = hex.EncodeToString(b[:]), true
	}
	if !vzcontract.ValidName(info.Name) {
		return info, vzcontract.Errorf(vzcontract.ErrValidation, "%q is no name of a volume", info.Name)
	}
	switch info.Driver {
	case "":
		info.Driver = "local"
	case "local":
	default:
		return info, vzcontract.Errorf(vzcontract.ErrUnsupported, "volume driver %q: only local is there", info.Driver)
	}
	if len(cfg.Options) > 0 {
		return info, vzcontract.Errorf(vzcontract.ErrUnsupported, "options of a volume that machines share: %q", slices.Sorted(maps.Keys(cfg.Options)))
	}
	if old, err := v.open(info.Name); err == nil || !errors.Is(err, vzcontract.ErrNotFound) {
		return old, err
	}
	info.Mountpoint = filepath.Join(v.dir, info.Name, "_data")
	// What is above is for this user alone, so that no other one runs its setuid programs.
	if err := os.MkdirAll(filepath.Dir(info.Mountpoint), 0o700); err != nil {
		return info, err
	}
	if err := os.Mkdir(info.Mountpoint, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return info, err
	}
	text, err := json.Marshal(info)
	if err != nil {
		return info, err
	}
	file := filepath.Join(v.dir, info.Name, "volume.json")
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return info, err
	}
	return info, os.Rename(file+".new", file)
}

func (v volumes) open(name string) (info vzcontract.VolumeInfo, err error) {
	if !vzcontract.ValidName(name) {
		return info, vzcontract.Errorf(vzcontract.ErrNotFound, "no such volume")
	}
	text, err := statefile.Read(filepath.Join(v.dir, name, "volume.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return info, vzcontract.Errorf(vzcontract.ErrNotFound, "no such volume")
	}
	if err != nil {
		return info, err
	}
	return info, json.Unmarshal(text, &info)
}

func (v volumes) list() ([]vzcontract.VolumeInfo, error) {
	entries, err := os.ReadDir(v.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []vzcontract.VolumeInfo
	for _, e := range entries {
		info, err := v.open(e.Name())
		if errors.Is(err, vzcontract.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	return all, nil
}

// remove removes volumes, whoever uses them. What is not there is removed.
func (v volumes) remove(names []string) error {
	var errs []error
	for _, name := range names {
		if vzcontract.ValidName(name) {
			errs = append(errs, os.RemoveAll(filepath.Join(v.dir, name)))
		}
	}
	return errors.Join(errs...)
}

func volumeFailure(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &vzcontract.Error{Op: op, Kind: "volume", Name: name, Class: vzcontract.SentinelOf(vzcontract.CodeOf(err)), Err: err}
}

// CreateVolume implements vzcontract.Volumes.
func (b *Backend) CreateVolume(ctx context.Context, cfg vzcontract.VolumeConfig) (vzcontract.VolumeInfo, error) {
	if b.opts.Volumes != nil {
		return b.opts.Volumes.CreateVolume(ctx, cfg)
	}
	info, err := b.volumes.create(ctx, cfg)
	return info, volumeFailure("create", cfg.Name, err)
}

// ListVolumes implements vzcontract.Volumes.
func (b *Backend) ListVolumes(ctx context.Context) ([]vzcontract.VolumeInfo, error) {
	if b.opts.Volumes != nil {
		return b.opts.Volumes.ListVolumes(ctx)
	}
	all, err := b.volumes.list()
	if err != nil {
		return nil, volumeFailure("list", "", err)
	}
	users, err := b.users(ctx)
	for i := range all {
		all[i].UsedBy = users[all[i].Name]
	}
	return all, err
}

// users maps volumes to the containers that use them.
func (b *Backend) users(ctx context.Context) (map[string][]string, error) {
	all, err := b.machines(ctx)
	users := map[string][]string{}
	for _, m := range all {
		for _, v := range m.record.Volumes {
			users[v.Name] = append(users[v.Name], m.state.Info.ID)
		}
	}
	return users, err
}

// VolumeUsers returns the ids of the containers that use a volume, for whoever keeps
// the volumes.
func (b *Backend) VolumeUsers(name string) ([]string, error) {
	users, err := b.users(context.Background())
	return users[name], err
}

// removeAnonymous removes volumes that were made for a container that is gone. Those
// that another one has taken over stay.
func (b *Backend) removeAnonymous(ctx context.Context, names []string) error {
	if b.opts.Volumes == nil {
		return b.volumes.remove(names)
	}
	var errs []error
	for _, name := range names {
		if err := b.opts.Volumes.RemoveVolume(ctx, name, true); !errors.Is(err, vzcontract.ErrConflict) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// InspectVolume implements vzcontract.Volumes.
func (b *Backend) InspectVolume(ctx context.Context, name string) (vzcontract.VolumeInfo, error) {
	if b.opts.Volumes != nil {
		return b.opts.Volumes.InspectVolume(ctx, name)
	}
	info, err := b.volumes.open(name)
	if err != nil {
		return info, volumeFailure("inspect", name, err)
	}
	users, err := b.users(ctx)
	info.UsedBy = users[name]
	return info, volumeFailure("inspect", name, err)
}

// RemoveVolume implements vzcontract.Volumes.
func (b *Backend) RemoveVolume(ctx context.Context, name string, force bool) error {
	if b.opts.Volumes != nil {
		return b.opts.Volumes.RemoveVolume(ctx, name, force)
	}
	_, err := b.volumes.open(name)
	if force && errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	if err != nil {
		return volumeFailure("remove", name, err)
	}
	users, err := b.users(ctx)
	if err != nil {
		return volumeFailure("remove", name, err)
	}
	if used := users[name]; len(used) > 0 {
		return volumeFailure("remove", name, vzcontract.Errorf(vzcontract.ErrConflict, "it is in use by %s", strings.Join(used, ", ")))
	}
	return volumeFailure("remove", name, b.volumes.remove([]string{name}))
}

// PruneVolumes implements vzcontract.Volumes.
func (b *Backend) PruneVolumes(ctx context.Context, all bool) (report vzcontract.PruneReport, err error) {
	if b.opts.Volumes != nil {
		return b.opts.Volumes.PruneVolumes(ctx, all)
	}
	list, err := b.ListVolumes(ctx)
	if err != nil {
		return report, err
	}
	for _, v := range list {
		if len(v.UsedBy) > 0 || !all && !v.Anonymous {
			continue
		}
		size := treeSize(v.Mountpoint)
		if err := b.RemoveVolume(ctx, v.Name, false); err != nil {
			return report, err
		}
		report.Removed = append(report.Removed, v.Name)
		report.Freed += size
	}
	return report, nil
}

// treeSize is how many bytes the files below dir have.
func treeSize(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read is not counted
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return nil
	})
	return size
}
