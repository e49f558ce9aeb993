package monitor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

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
		f, err := m.openImage(mount, len(r.sources))
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

// openImage opens an image's root, or a path inside it. An overlay is mounted
// in this process's mount namespace: older kernels copy no other mounts.
func (m *monitor) openImage(mount record.Mount, i int) (*os.File, error) {
	root, err := rootfs.OpenLayers(mount.Layers)
	if err != nil {
		return nil, err
	}
	if len(mount.Layers) > 1 {
		overlay := root
		root, err = attachMount(overlay, filepath.Join(m.dir, "images", strconv.Itoa(i)))
		overlay.Close()
		if err != nil {
			return nil, err
		}
	}
	if mount.Subpath == "" {
		return root, nil
	}
	defer root.Close()
	fd, err := inroot.Resolve(int(root.Fd()), mount.Subpath, unix.O_PATH)
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "subpath: %w", err)
	}
	return os.NewFile(uintptr(fd), mount.Subpath), nil
}

// attachMount puts a mount at dir, in place of an earlier run's, and opens it
// there. It goes with this process.
func attachMount(mount *os.File, dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	_ = unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) // there may be none
	if err := unix.MoveMount(int(mount.Fd()), "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return nil, &os.PathError{Op: "mount", Path: dir, Err: err}
	}
	return os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
}

// detachImages unmounts the images of mounts.
func (m *monitor) detachImages() {
	dirs, _ := filepath.Glob(filepath.Join(m.dir, "images", "*")) // the pattern is right
	for _, dir := range dirs {
		_ = unix.Unmount(dir, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) // else its removal fails, and tells
	}
}
