package graft

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// An Attachment says what to mount where.
type Attachment struct {
	Namespace *os.File // as of Open
	// Tree is a detached mount of a directory or of another file.
	Tree *os.File
	// Target is made where it is missing, as an empty directory or file.
	Target string
	// Root is the container's root as it can be written to where the container's own
	// mount of it is read-only; nil is none.
	Root *os.File
}

// Attach mounts a tree in a namespace. A target that is a mount, or above one, is
// vzcontract.ErrConflict; one that cannot take the tree vzcontract.ErrValidation.
func Attach(a Attachment) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(a.Tree.Fd()), &st); err != nil {
		return fmt.Errorf("mount %s: %w", a.Target, err)
	}
	dir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	return inside(a.Namespace, func(v view) error {
		at, err := v.place(a, dir)
		if err != nil {
			return err
		}
		defer unix.Close(at)
		if err := v.takes(at, a.Target, dir); err != nil {
			return err
		}
		err = unix.MoveMount(int(a.Tree.Fd()), "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
		if errors.Is(err, unix.ENOENT) {
			return vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: the container has just removed that place", a.Target)
		}
		if err != nil {
			return fmt.Errorf("mount %s: %w", a.Target, err)
		}
		return nil
	})
}

// place opens the target, which it makes where it is missing.
func (v view) place(a Attachment, dir bool) (int, error) {
	fd, err := inroot.Resolve(v.root, a.Target, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err = v.make(a, dir); err == nil {
			fd, err = inroot.Resolve(v.root, a.Target, 0)
		}
	}
	switch {
	case err == nil:
		return fd, nil
	case errors.Is(err, unix.EROFS):
		return -1, vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: it is not there and cannot be made: %w", a.Target, err)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrExist), errors.Is(err, unix.ENAMETOOLONG):
		return -1, vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: it leads to no place for it: %w", a.Target, err)
	}
	return -1, fmt.Errorf("mount %s: %w", a.Target, err)
}

// make makes the target, behind a root that is read-only only for the container.
func (v view) make(a Attachment, dir bool) error {
	err := inroot.Make(v.root, a.Target, dir)
	if !errors.Is(err, unix.EROFS) || a.Root == nil {
		return err
	}
	if ours, _ := v.inRootMount(a.Target); !ours { // else the first error says it all
		return err
	}
	return inroot.Make(int(a.Root.Fd()), a.Target, dir)
}

// inRootMount reports whether what is there of a path is in the root's own mount.
func (v view) inRootMount(name string) (bool, error) {
	for {
		fd, err := inroot.Resolve(v.root, name, 0)
		if errors.Is(err, fs.ErrNotExist) && name != "/" {
			name = path.Dir(name)
			continue
		}
		if err != nil {
			return false, err
		}
		defer unix.Close(fd)
		at, err := statMount(fd, "", unix.AT_EMPTY_PATH)
		if err != nil {
			return false, err
		}
		root, err := statMount(v.root, "", unix.AT_EMPTY_PATH)
		return at.Mnt_id == root.Mnt_id, err
	}
}

// takes refuses a place that cannot take the tree.
func (v view) takes(at int, target string, dir bool) error {
	st, err := statMount(at, "", unix.AT_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	var system unix.Statfs_t
	if err := unix.Fstatfs(at, &system); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	switch isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR; {
	case st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0:
		return vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: something is mounted there already", target)
	case system.Type == unix.PROC_SUPER_MAGIC:
		return vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: it leads into the container's /proc", target)
	case isDir && !dir:
		return vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: a file cannot be mounted on a directory", target)
	case !isDir && dir:
		return vzcontract.Errorf(vzcontract.ErrValidation, "mount %s: a directory cannot be mounted on what is none", target)
	}
	return v.hidesNothing(at, target)
}

// hidesNothing refuses a place above another mount.
func (v view) hidesNothing(at int, target string) error {
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(v.proc, "fd/"+strconv.Itoa(at), buf[:])
	if err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	all, err := v.mounts()
	if err != nil {
		return err
	}
	for _, m := range all {
		if strings.HasPrefix(m.point, string(buf[:n])+"/") {
			return vzcontract.Errorf(vzcontract.ErrConflict, "mount %s: it would hide the mount at %s", target, m.point)
		}
	}
	return nil
}
