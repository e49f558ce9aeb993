package unpack

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// link makes name in d a hard link to target, a name of the archive.
func (a *applier) link(d *dir, name, target string) error {
	cleaned := clean(target)
	if len(target) > a.limits.Name || cleaned == "" {
		return invalid("a hard link to %s", quote(target))
	}
	parent, base := split(cleaned)
	from, missing, err := a.walk(parent)
	if err != nil {
		return fmt.Errorf("hard link to %s: %w", quote(target), err)
	}
	if len(missing) > 0 {
		return invalid("a hard link to %s, which does not exist", quote(target))
	}
	if from == d && base == name {
		return invalid("a hard link to itself")
	}
	for up := from; up.parent != nil; up = up.parent {
		if up.parent == d && up.name == name {
			return invalid("a hard link to %s, which it replaces", quote(target))
		}
	}
	if err := a.ready(from, base, target); err != nil {
		return err
	}
	from.pinned = true
	defer func() { from.pinned = from.parent == nil }()
	return a.replacing(d, name, func(fd int) error {
		source, err := a.tree.fd(from)
		if err != nil {
			return err
		}
		return unix.Linkat(source, base, fd, name, 0)
	})
}

// ready makes sure that this layer has the target of a hard link.
func (a *applier) ready(from *dir, base, target string) error {
	fd, err := a.tree.fd(from)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	switch err := unix.Fstatat(fd, base, &st, unix.AT_SYMLINK_NOFOLLOW); {
	case err == nil && isWhiteout(&st):
		return invalid("a hard link to %s, which does not exist", quote(target))
	case err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return invalid("a hard link to the directory %s", quote(target))
	case err == nil || !errors.Is(err, unix.ENOENT):
		return err
	}
	f, err := a.lookup(from, base)
	if errors.Is(err, unix.ENOENT) {
		return invalid("a hard link to %s, which does not exist", quote(target))
	}
	if err != nil {
		return err
	}
	if err := a.copyUp(from, base, f); err != nil {
		return fmt.Errorf("copy %s from the layer below: %w", quote(f.path), err)
	}
	return nil
}

// copyUp copies something that is no directory from a lower layer.
func (a *applier) copyUp(d *dir, name string, f *found) error {
	m := metaOfStat(&f.st)
	switch f.st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return invalid("it is a directory")
	case unix.S_IFLNK:
		target, err := a.lowers.readlink(f)
		if err != nil {
			return err
		}
		return a.node(d, name, m, func(fd int) error { return unix.Symlinkat(target, fd, name) })
	case unix.S_IFREG:
		return a.copyFile(d, name, f, m)
	}
	return a.node(d, name, m, func(fd int) error {
		return unix.Mknodat(fd, name, f.st.Mode&unix.S_IFMT|0o600, int(f.st.Rdev))
	})
}

func (a *applier) copyFile(d *dir, name string, f *found, m meta) error {
	in, err := a.lowers.open(f.layer, f.path, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(in)
	if m.xattrs, err = readXattrs(in); err != nil {
		return err
	}
	out, err := a.openNew(d, name)
	if err != nil {
		return err
	}
	w := holeWriter{fd: out, unit: blockSize}
	for {
		if err = a.ctx.Err(); err != nil {
			return closeAfter(out, err)
		}
		n, err := unix.Pread(in, a.buf, w.at)
		if err == unix.EINTR {
			continue
		}
		if err == nil && n > 0 {
			err = w.write(a.buf[:n])
		}
		if err != nil {
			return closeAfter(out, err)
		}
		if n == 0 {
			break
		}
	}
	a.result.Size += w.written
	if err = w.end(); err == nil {
		err = a.set(out, m)
	}
	return closeAfter(out, err)
}
