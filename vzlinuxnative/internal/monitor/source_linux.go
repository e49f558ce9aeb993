package monitor

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/inroot"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
	"vz.internal/vzlinuxnative/internal/volume"
)

// resolve finds the source of a mount on the host. Inside a volume or an image
// it is held open, so that nobody can put something else in its place.
func (m *monitor) resolve(r *run, mount record.Mount) (engine.ResolvedMount, error) {
	res := engine.ResolvedMount{Mount: mount.Mount, HostPath: mount.HostPath}
	switch mount.Type {
	case vzcontract.MountVolume:
		v, err := volume.Open(filepath.Join(m.home, "volumes"), m.store.VolumeUsers)
		if err != nil {
			return res, err
		}
		if mount.Subpath == "" {
			res.HostPath, err = v.Path(mount.Volume)
			return res, err
		}
		f, err := v.OpenSubpath(mount.Volume, mount.Subpath)
		if err != nil {
			return res, err
		}
		r.hold(f, &res)
	case vzcontract.MountImage:
		f, err := openImage(mount)
		if err != nil {
			return res, fmt.Errorf("mount image %s: %w", mount.Source, err)
		}
		r.hold(f, &res)
	}
	return res, nil
}

// hold makes an open file the source of a mount.
func (r *run) hold(f *os.File, res *engine.ResolvedMount) {
	r.sources = append(r.sources, f)
	res.SourceFD = int(f.Fd())
}

func (r *run) closeSources() {
	for _, f := range r.sources {
		f.Close()
	}
	r.sources = nil
}

// openImage opens an image's root, or a path inside it.
func openImage(mount record.Mount) (*os.File, error) {
	root, err := rootfs.OpenLayers(mount.Layers)
	if err != nil || mount.Subpath == "" {
		return root, err
	}
	defer root.Close()
	fd, err := inroot.Resolve(int(root.Fd()), mount.Subpath, unix.O_PATH)
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "subpath: %w", err)
	}
	return os.NewFile(uintptr(fd), mount.Subpath), nil
}
