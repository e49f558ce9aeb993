package graft

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// Detach unmounts a mount with those on and below it; one that is not in the namespace
// is no error. One that is used, or that cannot be reached because the container has
// covered a directory above it, is vzcontract.ErrConflict, and all stay.
func Detach(ns *os.File, id ID) error {
	return inside(ns, func(v view) error {
		all, err := v.mounts()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(m mount) bool { return m.id == id })
		if i < 0 {
			return nil // the container has unmounted it
		}
		var gone []removed
		for _, m := range slices.Backward(withBelow(all, all[i])) {
			r := removed{mount: m, copy: -1}
			if m.id != id { // what is unmounted last need not be put back
				r.copy, err = v.clone(m)
			}
			if err == nil {
				err = v.unmount(m)
			}
			gone = append(gone, r)
			if err != nil {
				break
			}
		}
		return errors.Join(err, v.putBack(gone, err != nil))
	})
}

// withBelow returns a mount and all below it, parents first.
func withBelow(all []mount, top mount) []mount {
	tree := []mount{top}
	for i := 0; i < len(tree); i++ {
		for _, m := range all {
			if m.parent == tree[i].id && m.id != m.parent {
				tree = append(tree, m)
			}
		}
	}
	return tree
}

// A removed mount has a copy, to be put in its place where the removal cannot be
// completed.
type removed struct {
	mount
	copy int // -1 for none
}

// putBack closes the copies. If the removal was cut short they are mounted first, but
// for the last one's, whose mount is still there.
func (v view) putBack(gone []removed, cut bool) error {
	var errs []error
	for i, r := range slices.Backward(gone) {
		if r.copy < 0 {
			continue
		}
		if cut && i < len(gone)-1 {
			errs = append(errs, v.mountAgain(r))
		}
		_ = unix.Close(r.copy) // only a name
	}
	return errors.Join(errs...)
}

func (v view) mountAgain(r removed) error {
	at, err := inroot.Resolve(v.root, r.point, unix.O_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("put back the mount at %s: %w", r.point, err)
	}
	defer unix.Close(at)
	if err := unix.MoveMount(r.copy, "", at, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("put back the mount at %s: %w", r.point, err)
	}
	return nil
}

// parentOf opens the directory that holds the mount point and sees to it that the
// mount is what the name leads to. The name of a mount point cannot change.
func (v view) parentOf(m mount) (int, error) {
	parent, err := inroot.Resolve(v.root, path.Dir(m.point), unix.O_DIRECTORY)
	if err != nil {
		return -1, covered(m)
	}
	st, err := statMount(parent, path.Base(m.point), unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT)
	if err != nil || ID(st.Mnt_id) != m.id {
		_ = unix.Close(parent) // only a name
		return -1, covered(m)
	}
	return parent, nil
}

func covered(m mount) error {
	return vzcontract.Errorf(vzcontract.ErrConflict, "unmount %s: the container has mounted something over a directory above it", m.point)
}

// clone returns a detached copy of a mount, without those below it.
func (v view) clone(m mount) (int, error) {
	parent, err := v.parentOf(m)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	fd, err := unix.OpenTree(parent, path.Base(m.point), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT)
	if err != nil {
		return -1, fmt.Errorf("unmount %s: copy the mount: %w", m.point, err)
	}
	return fd, nil
}

// unmount takes a mount out of the namespace.
func (v view) unmount(m mount) error {
	parent, err := v.parentOf(m)
	if err != nil {
		return err
	}
	err = unix.Fchdir(parent) // umount2 takes no descriptor; the thread's directory is its own
	_ = unix.Close(parent)    // only a name
	if err != nil {
		return fmt.Errorf("unmount %s: %w", m.point, err)
	}
	err = unix.Unmount(path.Base(m.point), unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EBUSY) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "unmount %s: a program of the container uses it: end it, or have it leave", m.point)
	}
	if err != nil {
		return fmt.Errorf("unmount %s: %w", m.point, err)
	}
	return nil
}
