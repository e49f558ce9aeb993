package vmbackend

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
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// shareMounts shares what the container's mounts need of the host: those asked for,
// those of other containers, and the volumes without a name, of the command line and of
// the image, which r.Mounts has already, where nothing is mounted then.
func (b *Backend) shareMounts(ctx context.Context, r *guest.Record) error {
	anonymous := slices.Concat(slices.DeleteFunc(slices.Clone(r.Config.Mounts), named), r.Mounts)
	r.Mounts, r.Run.VolumesFrom = slices.DeleteFunc(slices.Clone(r.Config.Mounts), vzcontract.Mount.Anonymous), nil
	for _, entry := range slices.Backward(r.Config.VolumesFrom) { // of two at one target the later counts
		if err := b.volumesFrom(ctx, r, entry); err != nil {
			return err
		}
	}
	for _, m := range anonymous {
		if !mountedAt(r, m.Target) {
			r.Mounts = append(r.Mounts, m)
		}
	}
	r.Run.Mounts = slices.Clone(r.Mounts)
	for i := range r.Mounts {
		if err := b.shareMount(ctx, r, &r.Mounts[i], &r.Run.Mounts[i]); err != nil {
			return err
		}
	}
	if r.Cards {
		mountEtc(r)
	}
	return nil
}

func named(m vzcontract.Mount) bool { return !m.Anonymous() }

func mountedAt(r *guest.Record, target string) bool {
	return slices.ContainsFunc(r.Mounts, func(m vzcontract.Mount) bool { return path.Clean(m.Target) == path.Clean(target) })
}

// volumesFrom takes over the volumes and binds of another container.
func (b *Backend) volumesFrom(ctx context.Context, r *guest.Record, entry string) error {
	name, mode, _ := strings.Cut(entry, ":")
	if mode != "" && mode != "ro" && mode != "rw" {
		return vzcontract.Errorf(vzcontract.ErrValidation, "volumes from %q: want CONTAINER[:ro|rw]", entry)
	}
	from, err := b.find(ctx, "inspect", name)
	if err != nil {
		return vzcontract.Errorf(vzcontract.SentinelOf(vzcontract.CodeOf(err)), "volumes from %s: %w", name, err)
	}
	for _, m := range append(slices.Clip(from.record.Mounts), from.later()...) {
		if m.Type == vzcontract.MountTmpfs || m.Type == vzcontract.MountImage || mountedAt(r, m.Target) {
			continue
		}
		m.ReadOnly, m.NoCopy = m.ReadOnly || mode == "ro", m.Type == vzcontract.MountVolume
		r.Mounts = append(r.Mounts, m)
	}
	return nil
}

// shareMount shares what one mount needs. host gets the name of a volume that is made
// for it; guest becomes what the guest sees.
func (b *Backend) shareMount(ctx context.Context, r *guest.Record, host, inside *vzcontract.Mount) error {
	switch host.Type {
	case vzcontract.MountBind:
		if host.Subpath != "" {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "mount %s: a bind has no subpath: name the path itself", host.Target)
		}
		if err := bindSource(*host); err != nil {
			return err
		}
		inside.Source, inside.CreateSource = share(r, filepath.Clean(host.Source), host.ReadOnly), false
	case vzcontract.MountVolume:
		v, err := b.CreateVolume(ctx, vzcontract.VolumeConfig{
			Name: host.Source, Driver: host.VolumeDriver, Options: host.VolumeOptions, Labels: host.VolumeLabels,
		})
		if err != nil {
			return err
		}
		if len(v.Options) > 0 {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "volume %s: machines do not mount volumes with options", v.Name)
		}
		anonymous := host.Source == ""
		host.Source, inside.Source = v.Name, v.Name
		inside.VolumeDriver, inside.VolumeOptions, inside.VolumeLabels = "", nil, nil
		if slices.ContainsFunc(r.Volumes, func(o guest.Volume) bool { return o.Name == v.Name }) {
			return nil
		}
		at := share(r, v.Mountpoint, false)
		r.Volumes = append(r.Volumes, guest.Volume{Name: v.Name, Entry: path.Base(at), Anonymous: anonymous})
	case vzcontract.MountImage:
		if !slices.ContainsFunc(r.Images, func(i agentproto.ImageProvide) bool { return i.Ref == host.Source }) {
			_, err := b.provide(ctx, r, host.Source)
			return err
		}
	}
	return nil
}

// bindSource looks whether the source of a bind is there, or makes it.
func bindSource(m vzcontract.Mount) error {
	_, err := os.Stat(m.Source)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return vzcontract.Errorf(vzcontract.ErrValidation, "bind source: %w", err)
	case !m.CreateSource:
		return vzcontract.Errorf(vzcontract.ErrValidation, "bind source %s does not exist: make it first, or use -v, which makes it", m.Source)
	}
	if err := os.MkdirAll(m.Source, 0o755); err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "make bind source: %w", err)
	}
	return nil
}

// mounts are those that the guest tells of, with the host's paths.
func (m machine) mounts(told []vzcontract.MountInfo) []vzcontract.MountInfo {
	sources := map[string]string{}
	for _, e := range m.record.Entries {
		sources[e.Name] = e.Source
	}
	for _, a := range m.added {
		sources[a.Entry.Name] = a.Entry.Source
	}
	all := slices.Clone(told)
	for i, info := range all {
		if name, ok := strings.CutPrefix(info.Source, guest.SharePath+"/"); ok && sources[name] != "" {
			all[i].Source = sources[name]
		}
		for _, v := range m.record.Volumes {
			if info.Type == vzcontract.MountVolume && info.Name == v.Name {
				all[i].Source, all[i].Anonymous = sources[v.Entry], v.Anonymous
			}
		}
	}
	return all
}
