package vmbackend

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// resolve finds what the container is made of and says how the guest sees it.
func (b *Backend) resolve(ctx context.Context, r *guest.Record) error {
	r.Run.Ports, r.Run.PublishAll, r.Run.Pull, r.Run.Platform = nil, false, "", ""
	r.Ports = slices.Clone(r.Config.Ports)
	if r.Config.Rootfs != "" {
		if err := shareRoot(r); err != nil {
			return err
		}
	} else if err := b.shareImage(ctx, r); err != nil {
		return err
	}
	r.Run.Mounts = slices.Clone(r.Config.Mounts)
	for i := range r.Run.Mounts {
		if err := b.shareMount(ctx, r, &r.Run.Mounts[i]); err != nil {
			return err
		}
	}
	return nil
}

// share adds an entry to what the machine shares and returns where the guest has it.
func share(r *guest.Record, source string, readOnly bool) string {
	name := "e" + strconv.Itoa(len(r.Entries))
	r.Entries = append(r.Entries, config.Entry{Name: name, Source: source, ReadOnly: readOnly})
	return path.Join(guest.SharePath, name)
}

func shareRoot(r *guest.Record) error {
	st, err := os.Stat(r.Config.Rootfs)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "root directory: %w", err)
	}
	if !st.IsDir() {
		return vzcontract.Errorf(vzcontract.ErrValidation, "root directory %s is no directory", r.Config.Rootfs)
	}
	r.Run.Rootfs = share(r, filepath.Clean(r.Config.Rootfs), true)
	return nil
}

// shareImage shares the layers of the container's image.
func (b *Backend) shareImage(ctx context.Context, r *guest.Record) error {
	root, err := b.provide(ctx, r, r.Config.Image)
	if err != nil {
		return err
	}
	if r.Config.PublishAll {
		return publishAll(r, root.Image.Config.ExposedPorts)
	}
	return nil
}

// provide shares an image, which stays in the store as long as the machine exists.
func (b *Backend) provide(ctx context.Context, r *guest.Record, ref string) (vzcontract.RootFS, error) {
	if b.opts.Images == nil {
		return vzcontract.RootFS{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "this backend was opened without an image store")
	}
	root, err := b.opts.Images.RootFS(ctx, vzcontract.RootFSRequest{
		Ref: ref, Platform: r.Config.Platform, Policy: r.Config.Pull, Owner: string(r.ID),
	})
	if err != nil {
		return root, err
	}
	seen := vzcontract.RootFS{Image: root.Image}
	for _, dir := range root.Layers {
		seen.Layers = append(seen.Layers, share(r, dir, true))
	}
	r.Images = append(r.Images, agentproto.ImageProvide{Ref: ref, RootFS: seen})
	return root, nil
}

func publishAll(r *guest.Record, exposed []string) error {
	for _, port := range append(slices.Clone(exposed), r.Config.Expose...) {
		number, protocol, _ := strings.Cut(port, "/")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return vzcontract.Errorf(vzcontract.ErrValidation, "exposed port %q: %v", port, err)
		}
		if protocol == "" {
			protocol = "tcp"
		}
		taken := slices.ContainsFunc(r.Ports, func(p vzcontract.PortMapping) bool { return p.ContainerPort == uint16(n) && p.Protocol == protocol })
		if !taken {
			r.Ports = append(r.Ports, vzcontract.PortMapping{ContainerPort: uint16(n), Protocol: protocol})
		}
	}
	return nil
}

// shareMount shares what a mount needs of the host.
func (b *Backend) shareMount(ctx context.Context, r *guest.Record, m *vzcontract.Mount) error {
	switch m.Type {
	case vzcontract.MountBind:
		if m.Subpath != "" {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "mount %s: a bind has no subpath: name the path itself", m.Target)
		}
		if err := bindSource(*m); err != nil {
			return err
		}
		m.Source, m.CreateSource = share(r, filepath.Clean(m.Source), m.ReadOnly), false
	case vzcontract.MountVolume:
		if m.Source == "" {
			return nil // anonymous: on the guest's disk
		}
		v, err := b.volumes.create(ctx, vzcontract.VolumeConfig{
			Name: m.Source, Driver: m.VolumeDriver, Options: m.VolumeOptions, Labels: m.VolumeLabels,
		})
		if err != nil {
			return err
		}
		m.VolumeDriver, m.VolumeOptions, m.VolumeLabels = "", nil, nil
		if slices.ContainsFunc(r.Volumes, func(o guest.Volume) bool { return o.Name == v.Name }) {
			return nil
		}
		at := share(r, v.Mountpoint, false)
		r.Volumes = append(r.Volumes, guest.Volume{Name: v.Name, Entry: path.Base(at)})
	case vzcontract.MountImage:
		if !slices.ContainsFunc(r.Images, func(i agentproto.ImageProvide) bool { return i.Ref == m.Source }) {
			_, err := b.provide(ctx, r, m.Source)
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
	all := slices.Clone(told)
	for i, info := range all {
		for _, e := range m.record.Entries {
			at := path.Join(guest.SharePath, e.Name)
			if info.Source == at {
				all[i].Source = e.Source
			}
		}
		for _, v := range m.record.Volumes {
			if info.Type != vzcontract.MountVolume || info.Name != v.Name {
				continue
			}
			for _, e := range m.record.Entries {
				if e.Name == v.Entry {
					all[i].Source = e.Source
				}
			}
		}
	}
	return all
}
