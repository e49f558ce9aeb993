package unpack

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// lowers are the layers below, in overlay form. Their directories are opened
// when they are first needed; most layers never do.
type lowers struct {
	paths []string
	fds   []int
	all   []int // indexes
}

func newLowers(paths []string) *lowers {
	l := &lowers{paths: paths, fds: make([]int, len(paths)), all: make([]int, len(paths))}
	for i := range paths {
		l.fds[i], l.all[i] = -1, i
	}
	return l
}

func (l *lowers) close() {
	for _, fd := range l.fds {
		if fd >= 0 {
			_ = unix.Close(fd) // only an anchor
		}
	}
}

// found is what a lower layer has at a path.
type found struct {
	layer int
	path  string
	st    unix.Stat_t
	// merged are the layers that a directory consists of.
	merged []int
}

// open opens path, relative and free of symbolic links, in a layer.
func (l *lowers) open(layer int, path string, flags uint64) (int, error) {
	if l.fds[layer] < 0 {
		fd, err := unix.Open(l.paths[layer], unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) {
			return -1, ErrLowerMissing
		}
		if err != nil {
			return -1, fmt.Errorf("open lower layer %s: %w", l.paths[layer], err)
		}
		l.fds[layer] = fd
	}
	if path == "" {
		path = "."
	}
	how := unix.OpenHow{
		Flags:   flags | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	for {
		fd, err := unix.Openat2(l.fds[layer], path, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}

// find looks path up in the layers among, the nearest first, as overlayfs
// does: a whiteout ends the search, and so does an opaque directory.
func (l *lowers) find(among []int, path string) (*found, error) {
	var f *found
	for _, i := range among {
		fd, err := l.open(i, path, unix.O_PATH)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var st unix.Stat_t
		err = unix.Fstat(fd, &st)
		_ = unix.Close(fd) // O_PATH
		isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
		switch {
		case err != nil:
			return nil, err
		case isWhiteout(&st) && f == nil:
			return nil, unix.ENOENT
		case f == nil:
			f = &found{layer: i, path: path, st: st}
		}
		if !isDir {
			break
		}
		f.merged = append(f.merged, i)
		if opaque, err := l.opaque(i, path); err != nil {
			return nil, err
		} else if opaque {
			break
		}
	}
	if f == nil {
		return nil, unix.ENOENT
	}
	return f, nil
}

func (l *lowers) opaque(layer int, path string) (bool, error) {
	fd, err := l.open(layer, path, openDir)
	if errors.Is(err, unix.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	value := make([]byte, 4)
	for _, name := range []string{trustedOpaque, userOpaque} {
		if n, err := unix.Fgetxattr(fd, name, value); err == nil && n == 1 && value[0] == 'y' {
			return true, nil
		}
	}
	return false, nil
}

func (l *lowers) readlink(f *found) (string, error) {
	fd, err := l.open(f.layer, f.path, unix.O_PATH)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return readlinkat(fd, "")
}

// meta returns what a directory of a lower layer has besides its contents.
func (l *lowers) meta(f *found) (meta, error) {
	m := metaOfStat(&f.st)
	fd, err := l.open(f.layer, f.path, unix.O_RDONLY)
	if errors.Is(err, unix.EACCES) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	defer unix.Close(fd)
	m.xattrs, err = readXattrs(fd)
	return m, err
}

// mergedWith returns the lower layers that d is merged with.
func (a *applier) mergedWith(d *dir) ([]int, error) {
	switch {
	case d.opaque || len(a.lowers.all) == 0:
		return nil, nil
	case d.parent == nil:
		return a.lowers.all, nil
	case d.mergedGen == a.tree.gen:
		return d.merged, nil
	}
	f, err := a.lookup(d.parent, d.name)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, err
	}
	d.merged, d.mergedGen = nil, a.tree.gen
	if err == nil {
		d.merged = slices.Clip(f.merged)
	}
	return d.merged, nil
}

// lookup finds what the lower layers have at name in d; ENOENT is nothing.
func (a *applier) lookup(d *dir, name string) (*found, error) {
	among, err := a.mergedWith(d)
	if err != nil {
		return nil, err
	}
	if len(among) == 0 {
		return nil, unix.ENOENT
	}
	return a.lowers.find(among, join(d.path(), name))
}
