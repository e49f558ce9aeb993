package vmbackend

import (
	"context"
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
	r.Run.Ports, r.Run.PublishAll, r.Run.Pull, r.Run.Platform, r.Run.Isolation = nil, false, "", "", ""
	r.Run.Egress = nil // the host enforces it
	if r.Cards {
		joinGuest(&r.Run)
	}
	r.Ports = slices.Clone(r.Config.Ports)
	if r.Config.Rootfs != "" {
		if err := shareRoot(r); err != nil {
			return err
		}
	} else if err := b.shareImage(ctx, r); err != nil {
		return err
	}
	return b.shareMounts(ctx, r)
}

// share adds an entry to what the machine shares and returns where the guest has it.
func share(r *guest.Record, source string, readOnly bool) string {
	e := config.Entry{Name: "e" + strconv.Itoa(len(r.Entries)), Source: source, ReadOnly: readOnly}
	if r.In != "" {
		e = sharedEntry(source, readOnly)
	}
	if !slices.ContainsFunc(r.Entries, func(have config.Entry) bool { return have.Name == e.Name }) {
		r.Entries = append(r.Entries, e)
	}
	return path.Join(guest.SharePath, e.Name)
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
	for _, target := range root.Image.Config.Volumes {
		if target = path.Clean("/" + target); target != "/" {
			r.Mounts = append(r.Mounts, vzcontract.Mount{Type: vzcontract.MountVolume, Target: target})
		}
	}
	if r.Config.PublishAll && !r.Cards {
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
		Ref: ref, Platform: r.Config.Platform, Policy: r.Config.Pull, Owner: lease(r.ID, len(r.Images)),
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
