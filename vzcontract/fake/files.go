package fake

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// ListDir implements vzcontract.FileManager.
func (b *Backend) ListDir(ctx context.Context, ref, dir string) (list []vzcontract.PathStat, err error) {
	const op = "list files of"
	err = b.managed(ctx, op, ref, dir, vzcontract.CheckFilePath, func(view *tree.View) error {
		if err := mustBeDir(view, dir); err != nil {
			return err
		}
		at, err := view.Resolve(dir, tree.FollowLast)
		if err != nil {
			return err
		}
		names, err := view.Names(at)
		if err != nil {
			return err
		}
		if len(names) > vzcontract.MaxDirEntries {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "more than %d entries: copy the directory out", vzcontract.MaxDirEntries)
		}
		list = make([]vzcontract.PathStat, 0, len(names))
		for _, name := range names {
			n, err := view.Lstat(path.Join(at, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue // it has just gone
			}
			if err != nil {
				return err
			}
			list = append(list, pathStat(name, n))
		}
		return nil
	})
	return list, err
}

// MakeDir implements vzcontract.FileManager.
func (b *Backend) MakeDir(ctx context.Context, ref, dir string, mode uint32) error {
	return b.managed(ctx, "make directory in", ref, dir, vzcontract.CheckFilePath, func(view *tree.View) error {
		if mode&^0o7777 != 0 {
			return vzcontract.Errorf(vzcontract.ErrValidation, "mode %#o has more than the bits of chmod", mode)
		}
		parts := strings.Split(strings.Trim(dir, "/"), "/")
		for i := range parts {
			at := "/" + strings.Join(parts[:i+1], "/")
			n, err := view.Stat(at)
			if errors.Is(err, fs.ErrNotExist) {
				n = tree.Node{Mode: fs.ModeDir | 0o755}
				if i == len(parts)-1 {
					n.Mode = fs.ModeDir | chmodBits(mode)
				}
				if _, err := view.Lstat(at); err == nil {
					return syscall.ENOTDIR // a link that leads nowhere
				}
				err = view.Put(at, n)
			}
			switch {
			case err != nil:
				return err
			case !n.Mode.IsDir():
				return syscall.ENOTDIR
			}
		}
		return nil
	})
}

// chmodBits returns the bits of chmod as io/fs has them.
func chmodBits(mode uint32) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			m |= flag
		}
	}
	return m
}

// RemovePath implements vzcontract.FileManager.
func (b *Backend) RemovePath(ctx context.Context, ref, name string) error {
	return b.managed(ctx, "remove file of", ref, name, vzcontract.CheckEntryPath, func(view *tree.View) error {
		at, _, err := entry(view, name)
		if err != nil {
			return err
		}
		return removeTree(ctx, view, at)
	})
}

// removeTree removes at and what is below it, until nothing was added meanwhile.
func removeTree(ctx context.Context, view *tree.View, at string) error {
	for {
		err := view.RemoveAll(at)
		if err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if _, err := view.Lstat(at); err != nil {
			return nil //nolint:nilerr // it has gone
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// MovePath implements vzcontract.FileManager.
func (b *Backend) MovePath(ctx context.Context, ref, from, to string) error {
	return b.managed(ctx, "move file of", ref, from, vzcontract.CheckEntryPath, func(view *tree.View) error {
		if err := vzcontract.CheckEntryPath(to); err != nil {
			return err
		}
		source, n, err := entry(view, from)
		if err != nil {
			return err
		}
		if strings.HasSuffix(to, "/") && !n.Mode.IsDir() {
			return syscall.ENOTDIR
		}
		target, old, err := entry(view, to)
		missing := errors.Is(err, fs.ErrNotExist)
		switch {
		case err != nil && (!missing || target == ""):
			return err
		case target == source:
			return nil
		case strings.HasPrefix(target, source+"/"):
			return syscall.EINVAL
		case strings.HasPrefix(source, target+"/"):
			return syscall.ENOTEMPTY
		case view.MountOf(source) != view.MountOf(target):
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s is on another file system: copy it and remove the original", vzcontract.ShownPath(to))
		case !missing && old.Mode.IsDir() && !n.Mode.IsDir():
			return syscall.EISDIR
		case !missing && !old.Mode.IsDir() && n.Mode.IsDir():
			return syscall.ENOTDIR
		}
		if !missing {
			if err := view.Remove(target); err != nil {
				return err
			}
		}
		return moveTree(ctx, view, source, target)
	})
}

func moveTree(ctx context.Context, view *tree.View, from, to string) error {
	err := view.Walk(from, func(p string, n tree.Node) error { return view.Put(to+strings.TrimPrefix(p, from), n) })
	if err != nil {
		return err
	}
	return removeTree(ctx, view, from)
}

// managed runs f with the files of a container and names what fails.
func (b *Backend) managed(ctx context.Context, op, ref, name string, check func(string) error, f func(view *tree.View) error) error {
	return b.files(ctx, op, ref, func(c *container, view *tree.View) error {
		if err := check(name); err != nil {
			return failure(op, c, classOf(err), "%w", err)
		}
		defer b.touch()
		err := f(view)
		switch class := classOf(err); {
		case err == nil || ctx.Err() != nil:
			return err
		case errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EROFS):
			return failure(op, c, vzcontract.ErrConflict, "%s: %s", vzcontract.ShownPath(name), tree.Errno(err))
		case class != vzcontract.ErrInternal: //nolint:errorlint // a sentinel itself
			return failure(op, c, class, "%w", err)
		}
		return fileError(op, c, name, err)
	})
}

func mustBeDir(view *tree.View, name string) error {
	n, err := view.Stat(name)
	if err == nil && !n.Mode.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	return err
}

// entry resolves all but the last element of a path that may be removed or moved.
func entry(view *tree.View, name string) (at string, n tree.Node, err error) {
	if at, err = view.Resolve(strings.TrimRight(name, "/"), tree.KeepLast); err != nil {
		return at, n, err
	}
	for _, m := range view.Mounts()[1:] {
		if m.Target == at || strings.HasPrefix(m.Target, at+"/") {
			return at, n, vzcontract.Errorf(vzcontract.ErrConflict, "%s: something is mounted on %s", vzcontract.ShownPath(name), m.Target)
		}
	}
	if n, err = view.Lstat(at); err == nil && strings.HasSuffix(name, "/") && !n.Mode.IsDir() {
		err = &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	return at, n, err
}
