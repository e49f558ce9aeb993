package unpack

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Attributes that say to overlayfs that a directory hides the lower layers.
const (
	trustedOpaque = "trusted.overlay.opaque"
	userOpaque    = "user.overlay.opaque"
)

func isWhiteout(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

func (a *applier) makeOpaque(d *dir) {
	if !d.opaque {
		d.opaque = true
		a.tree.gen++
	}
}

// whiteout hides what lower layers have at name in the directory parent, or
// all that they have there for no name. What this layer has there stays.
func (a *applier) whiteout(parent, name string) error {
	d, missing, err := a.walk(parent)
	if err != nil || len(missing) > 0 {
		return err
	}
	if name == "" {
		a.makeOpaque(d)
		return nil
	}
	if child := d.children[name]; child != nil {
		a.makeOpaque(child)
		return nil
	}
	if len(a.lowers.all) == 0 {
		return nil
	}
	d.whiteouts = append(d.whiteouts, name)
	return a.hide(d, name)
}

// hide makes the whiteout itself, unless there is something.
func (a *applier) hide(d *dir, name string) error {
	fd, err := a.tree.fd(d)
	if err != nil {
		return err
	}
	err = unix.Mknodat(fd, name, unix.S_IFCHR, 0)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// checkWhiteouts removes whiteouts in d that hide nothing, since there never was
// something or a directory above became opaque: overlayfs would list them as
// files.
func (a *applier) checkWhiteouts(d *dir) error {
	for _, name := range d.whiteouts {
		if _, err := a.lookup(d, name); !errors.Is(err, unix.ENOENT) {
			if err != nil {
				return err
			}
			continue
		}
		fd, err := a.tree.fd(d)
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err == nil && isWhiteout(&st) {
			if err := unix.Unlinkat(fd, name, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// hideRoot hides all names of the lower roots: overlayfs does not look for the
// attribute at the root.
func (a *applier) hideRoot() error {
	for _, i := range a.lowers.all {
		fd, err := a.lowers.open(i, "", openDir)
		if err != nil {
			return err
		}
		names, err := list(fd)
		_ = unix.Close(fd) // only read from
		if err != nil {
			return err
		}
		for _, name := range names {
			if _, err := a.lowers.find(a.lowers.all, name); errors.Is(err, unix.ENOENT) {
				continue
			} else if err != nil {
				return err
			}
			if child := a.tree.root.children[name]; child != nil {
				child.opaque = true
			} else if err := a.hide(a.tree.root, name); err != nil {
				return err
			}
		}
	}
	return nil
}
