package unpack

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxLinks  = 255
	maxWalked = 64 << 10 // bytes of path that symbolic links may expand to
)

// resolve returns the directory at path in the merged tree, made in this layer
// with its parents where they are missing.
func (a *applier) resolve(path string) (*dir, error) {
	d, missing, err := a.walk(path)
	if err != nil {
		return nil, err
	}
	for _, name := range missing {
		if d, err = a.makeDir(d, name, defaultMeta); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// walk follows path as far as it exists; missing are the names beyond.
// Directories that only a lower layer has are made in this one, which changes
// nothing of the merged tree.
func (a *applier) walk(path string) (d *dir, missing []string, err error) {
	d = a.tree.root
	for links := 0; path != ""; {
		var name string
		name, path, _ = strings.Cut(path, "/")
		switch {
		case name == "" || name == ".":
			continue
		case name == ".." && len(missing) > 0:
			missing = missing[:len(missing)-1]
			continue
		case name == "..":
			if d.parent != nil {
				d = d.parent
			}
			continue
		case len(missing) > 0:
			missing = append(missing, name)
			continue
		}
		if child := d.children[name]; child != nil {
			d = child
			continue
		}
		child, target, err := a.step(d, name)
		switch {
		case errors.Is(err, unix.ENOENT):
			missing = append(missing, name)
			continue
		case err != nil:
			return nil, nil, err
		case child != nil:
			d = child
			continue
		}
		if links++; links > maxLinks || len(target)+len(path) > maxWalked {
			return nil, nil, invalid("too many symbolic links in the path, at %s", quote(join(d.path(), name)))
		}
		if strings.HasPrefix(target, "/") {
			d = a.tree.root
		}
		path = target + "/" + path
	}
	return d, missing, nil
}

// step looks at a name that is no directory of this layer: a directory of a
// lower layer, which it makes here, or a symbolic link, whose target it
// returns, or nothing (ENOENT).
func (a *applier) step(d *dir, name string) (child *dir, target string, err error) {
	fd, err := a.tree.fd(d)
	if err != nil {
		return nil, "", err
	}
	var st unix.Stat_t
	switch err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); {
	case errors.Is(err, unix.ENOENT):
	case err != nil:
		return nil, "", err
	case isWhiteout(&st):
		return nil, "", unix.ENOENT
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		target, err := readlinkat(fd, name)
		return nil, target, err
	default:
		return nil, "", invalid("%s is not a directory", quote(join(d.path(), name)))
	}
	f, err := a.lookup(d, name)
	if err != nil {
		return nil, "", err
	}
	switch f.st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		m, err := a.lowers.meta(f)
		if err != nil {
			return nil, "", err
		}
		child, err := a.tree.mkdir(d, name, m)
		if err == nil {
			child.passage = true
		}
		return child, "", err
	case unix.S_IFLNK:
		target, err := a.lowers.readlink(f)
		return nil, target, err
	}
	return nil, "", invalid("%s is not a directory in a lower layer", quote(f.path))
}

func readlinkat(fd int, name string) (string, error) {
	buf := make([]byte, maxPath+1)
	n, err := unix.Readlinkat(fd, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// makeDir makes a directory that the merged tree does not have. What it takes
// the place of in this layer, a whiteout for one, has hidden the lower layers;
// so must it.
func (a *applier) makeDir(d *dir, name string, m meta) (*dir, error) {
	d.keep()
	child, err := a.tree.mkdir(d, name, m)
	if !errors.Is(err, unix.EEXIST) {
		return child, err
	}
	if err := a.tree.remove(d, name); err != nil {
		return nil, err
	}
	if child, err = a.tree.mkdir(d, name, m); err == nil {
		child.opaque = true
	}
	return child, err
}
