package unpack

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// startRoot gives the root what it has when nobody mentions it.
func (a *applier) startRoot() error {
	a.tree.root.meta = defaultMeta
	return unix.Fchmod(a.tree.root.fd, 0o700) // a setgid bit would be inherited
}

// inheritRoot gives the root what the nearest lower layer has there.
func (a *applier) inheritRoot() error {
	if a.rootSeen || len(a.lowers.all) == 0 {
		return nil
	}
	f, err := a.lowers.find(a.lowers.all[:1], "")
	if errors.Is(err, ErrLowerMissing) {
		a.result.RootFromBelow = true
		return nil
	}
	if err != nil {
		return err
	}
	a.tree.root.meta, err = a.lowers.meta(f)
	return err
}

func inheritRoot(dir, lower string) error {
	l := newLowers([]string{lower})
	defer l.close()
	f, err := l.find(l.all, "")
	if err != nil {
		return err
	}
	m, err := l.meta(f)
	if err != nil {
		return err
	}
	fd, err := unix.Open(dir, openDir, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir, Err: err}
	}
	a := &applier{uid: os.Geteuid(), gid: os.Getegid()}
	return closeAfter(fd, a.set(fd, m))
}

// finish does what must come last.
func (a *applier) finish() error {
	if a.tree.root.opaque {
		if err := a.hideRoot(); err != nil {
			return fmt.Errorf("hide the lower layers: %w", err)
		}
	}
	if err := a.inheritRoot(); err != nil {
		return err
	}
	return a.finishDir(a.tree.root)
}

// finishDir sets owner, mode, attributes and times of d and the directories
// below. Those come first: a mode may forbid to enter.
func (a *applier) finishDir(d *dir) error {
	if err := a.ctx.Err(); err != nil {
		return err
	}
	for name, child := range d.children {
		if err := a.finishDir(child); err != nil {
			return err
		}
		if child.passage {
			if err := a.dropPassage(d, name); err != nil {
				return err
			}
		}
	}
	if err := a.finishOne(d); err != nil {
		return fmt.Errorf("directory %s of the layer: %w", quote(d.path()), err)
	}
	return nil
}

func (a *applier) finishOne(d *dir) error {
	if err := a.checkWhiteouts(d); err != nil {
		return err
	}
	fd, err := a.tree.fd(d)
	if err != nil {
		return err
	}
	if d.opaque && d.parent != nil && len(a.lowers.all) > 0 {
		if err := markOpaque(fd); err != nil {
			return fmt.Errorf("mark as opaque: %w", err)
		}
	}
	return a.set(fd, d.meta)
}

func markOpaque(fd int) error {
	err := unix.Fsetxattr(fd, trustedOpaque, []byte("y"), 0)
	if errors.Is(err, unix.EPERM) {
		return unix.Fsetxattr(fd, userOpaque, []byte("y"), 0)
	}
	return err
}

// dropPassage removes a directory that only a lower layer had, which has
// become hidden since.
func (a *applier) dropPassage(d *dir, name string) error {
	_, err := a.lookup(d, name)
	if errors.Is(err, unix.ENOENT) {
		return a.tree.remove(d, name)
	}
	return err
}
