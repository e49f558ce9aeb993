//go:build linux

// Package rootfs makes the root directory of a container from image layers.
//
// The root is an overlay of the layers and a writable directory of the
// container's own. Where the kernel cannot do that the layers are copied, and
// [Root.Data] says why. Mounts are made in the mount namespace of the calling
// thread, which should be a private one: then nothing is left when its last
// process dies. [Open] makes no mount that anybody could see.
package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// The drivers.
const (
	DriverOverlay = "overlay"
	DriverCopy    = "copy"
)

// A Root is a mounted root.
type Root struct {
	Path   string            // where it is mounted
	Driver string            // "overlay" or "copy"
	Data   map[string]string // for inspect: LowerDir, UpperDir, WorkDir, MergedDir, or why it is a copy
}

// Options say what a root is made of. The caller sees to it that a container
// is mounted or opened for writing by one process at a time.
type Options struct {
	// Layers are absolute directories in overlayfs form, top layer first.
	Layers []string
	// Dir is the container's directory. upper, work and merged are made in it.
	Dir string
	// Volatile is for a container that is removed when it ends: its writes are
	// never synced, not even when it asks. Otherwise unmounting syncs all of the
	// file system that Dir is on, and waits for what others wrote there: 3 to
	// 13 ms for 0.2 ms where much is written. Kernels before 5.10 cannot do it,
	// and mount as ever.
	Volatile bool
	// ReadOnly is for Open alone: the view cannot be written to, and costs no
	// sync when it is closed.
	ReadOnly bool
}

func (o Options) upper() string  { return filepath.Join(o.Dir, "upper") }
func (o Options) work() string   { return filepath.Join(o.Dir, "work") }
func (o Options) merged() string { return filepath.Join(o.Dir, "merged") }

func (o Options) validate() error {
	if len(o.Layers) == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "mount root: there are no layers")
	}
	for _, dir := range append([]string{o.Dir}, o.Layers...) {
		if !filepath.IsAbs(dir) {
			return vzcontract.Errorf(vzcontract.ErrValidation, "mount root: %q is not an absolute path", dir)
		}
	}
	return nil
}

// Mount mounts the root of a container on Dir/merged. An existing upper
// directory is used again.
func Mount(o Options) (Root, error) {
	if err := o.validate(); err != nil {
		return Root{}, err
	}
	if reason, copied := copyReason(o.Dir); copied {
		return mountCopy(o, reason)
	}
	if err := o.prepare(); err != nil {
		return Root{}, err
	}
	err := attachOverlay(o)
	switch {
	case err == nil:
		return Root{Path: o.merged(), Driver: DriverOverlay, Data: map[string]string{
			"LowerDir": strings.Join(o.Layers, ":"), "UpperDir": o.upper(), "WorkDir": o.work(), "MergedDir": o.merged(),
		}}, nil
	case !overlayImpossible(err):
		return Root{}, err
	}
	if err := makeCopy(o, err.Error()); err != nil {
		return Root{}, err
	}
	return mountCopy(o, err.Error())
}

// prepare makes the directories that an overlay needs. The root directory
// itself looks like that of the top layer.
func (o Options) prepare() error {
	var top unix.Stat_t
	if err := unix.Stat(o.Layers[0], &top); err != nil {
		return &os.PathError{Op: "stat layer", Path: o.Layers[0], Err: err}
	}
	mode := top.Mode & 0o7777
	err := unix.Mkdir(o.upper(), mode)
	if err == nil {
		err = unix.Chown(o.upper(), int(top.Uid), int(top.Gid))
		if err == nil || err == unix.EPERM { // without rights all belongs to the caller
			err = unix.Chmod(o.upper(), mode) // whatever the umask is
		}
	}
	if err == unix.EEXIST {
		err = o.forgetVolatile()
	}
	if err != nil {
		return &os.PathError{Op: "make", Path: o.upper(), Err: err}
	}
	for _, dir := range []string{o.work(), o.merged()} {
		if err := unix.Mkdir(dir, 0o700); err != nil && err != unix.EEXIST {
			return &os.PathError{Op: "make", Path: dir, Err: err}
		}
	}
	return nil
}

// forgetVolatile removes the mark of a volatile mount whose process was killed:
// with it the kernel does not mount the directories again. What the container
// had written is there unless the power failed.
func (o Options) forgetVolatile() error {
	work := filepath.Join(o.work(), "work")
	_ = unix.Chmod(work, 0o700) // as in Remove
	return os.RemoveAll(filepath.Join(work, "incompat"))
}

// Open returns the root directory of a container that is not mounted
// elsewhere, opened with O_PATH. It is a mount that no namespace has; it goes
// when the last descriptor of it is closed.
func Open(o Options) (*os.File, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if _, copied := copyReason(o.Dir); copied {
		return openDir(o.merged())
	}
	if err := o.prepare(); err != nil {
		return nil, err
	}
	f, err := detachedOverlay(o.layout())
	if err == nil || !overlayImpossible(err) {
		return f, err
	}
	if err := makeCopy(o, err.Error()); err != nil {
		return nil, err
	}
	return openDir(o.merged())
}

// OpenLayers returns the root directory of an image, read-only, as Open does.
// Where overlay cannot work it is ErrUnsupported.
func OpenLayers(layers []string) (*os.File, error) {
	switch len(layers) {
	case 0:
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "open image: there are no layers")
	case 1:
		return openDir(layers[0])
	}
	f, err := detachedOverlay(layout{lower: layers})
	if err != nil && overlayImpossible(err) {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "open image: %w", err)
	}
	return f, err
}

func openDir(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return os.NewFile(uintptr(fd), dir), nil
}

// Unmount removes what is mounted on dir/merged in the caller's mount
// namespace. Nothing mounted is no error.
func Unmount(dir string) error {
	merged := filepath.Join(dir, "merged")
	for {
		err := unix.Unmount(merged, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		switch err {
		case nil: // there may be another one below
		case unix.EINVAL, unix.ENOENT:
			return nil
		default:
			return &os.PathError{Op: "unmount", Path: merged, Err: err}
		}
	}
}

// Empty unmounts the root of a container that has ended and deletes what may
// take room. What it leaves for Remove are a few empty directories.
func Empty(dir string) error {
	if _, copied := copyReason(dir); copied {
		return Remove(dir)
	}
	if err := Unmount(dir); err != nil {
		return err
	}
	switch names, err := someName(Options{Dir: dir}.upper()); {
	case err != nil:
		return fmt.Errorf("remove root: %w", err)
	case len(names) > 0:
		return Remove(dir)
	}
	return nil
}

// someName returns the name of something in a directory, which need not exist.
func someName(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(1)
	if err == io.EOF {
		err = nil
	}
	return names, err
}

// Remove unmounts and deletes the root of a container that has ended. It is
// idempotent, and never deletes through a mount.
func Remove(dir string) error {
	if err := Unmount(dir); err != nil {
		return err
	}
	// The kernel makes this directory unreadable, also for an owner that is not root.
	_ = unix.Chmod(filepath.Join(dir, "work", "work"), 0o700) // it need not be there
	for _, name := range []string{"merged.new", "merged", "work", "upper", copyFile} {
		path := filepath.Join(dir, name)
		var st unix.Statx_t
		err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &st)
		if err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
			return fmt.Errorf("remove root: something is mounted on %s", path)
		}
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove root: %w", err)
		}
	}
	return nil
}
