package treecopy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/overlay"
)

// Options of Copy.
type Options struct {
	// Layer says that the source is a layer of an overlay, put on top of what
	// is in the destination: its whiteouts delete, its opaque directories hide.
	Layer bool
	// Marks says that the copy is to be the upper directory of an overlay again:
	// its opaque directories stay so, as its whiteouts do without Layer.
	Marks bool
}

// Copy copies what is in the directory src into the directory dst, and the
// attributes of src itself. A file that is there already is replaced. Nobody
// else may write to dst meanwhile; src may be anybody's. Sockets are left out.
func Copy(ctx context.Context, src, dst *os.File, o Options) error {
	c := copier{ctx: ctx, Options: o, root: int(dst.Fd()), links: map[inode]string{}}
	if err := c.dir(int(src.Fd()), int(dst.Fd()), ""); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return fmt.Errorf("copy attributes of %s: %w", src.Name(), err)
	}
	return o.attributes(int(src.Fd()), int(dst.Fd()), ".", &st)
}

type inode struct{ dev, ino uint64 }

type copier struct {
	Options
	ctx   context.Context //nolint:containedctx // one call's
	root  int
	links map[inode]string // where a file with several names was put first
}

func (c *copier) dir(src, dst int, at string) error {
	names, err := entries(src)
	if err != nil {
		return fmt.Errorf("copy /%s: %w", at, err)
	}
	for _, name := range names {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.entry(src, dst, name, path.Join(at, name)); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) entry(src, dst int, name, at string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(src, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("copy /%s: %w", at, err)
	}
	kind := st.Mode & unix.S_IFMT
	if kind == unix.S_IFSOCK {
		return nil
	}
	var old unix.Stat_t
	exists := unix.Fstatat(dst, name, &old, unix.AT_SYMLINK_NOFOLLOW) == nil
	bothDirs := exists && kind == unix.S_IFDIR && old.Mode&unix.S_IFMT == unix.S_IFDIR
	if exists && !bothDirs {
		if err := remove(dst, name); err != nil {
			return fmt.Errorf("replace /%s: %w", at, err)
		}
	}
	if c.Layer && overlay.Whiteout(&st) {
		return nil
	}
	if kind == unix.S_IFDIR {
		if err := c.subdir(src, dst, name, at, bothDirs); err != nil {
			return err
		}
	} else {
		linked, err := c.link(dst, name, at, &st)
		if err == nil && !linked {
			err = create(src, dst, name, &st)
		}
		if linked || err != nil {
			return wrap(at, err)
		}
	}
	return wrap(at, c.attributes(src, dst, name, &st))
}

func wrap(at string, err error) error {
	if err != nil {
		return fmt.Errorf("copy /%s: %w", at, err)
	}
	return nil
}

func (c *copier) subdir(src, dst int, name, at string, exists bool) error {
	if !exists {
		if err := unix.Mkdirat(dst, name, 0o700); err != nil {
			return wrap(at, err)
		}
	}
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	from, err := unix.Openat(src, name, flags, 0)
	if err != nil {
		return wrap(at, err)
	}
	defer unix.Close(from)
	to, err := unix.Openat(dst, name, flags, 0)
	if err != nil {
		return wrap(at, err)
	}
	defer unix.Close(to)
	if c.Layer && exists && overlay.Opaque(from) {
		if err := clearDir(to); err != nil {
			return wrap(at, err)
		}
	}
	return c.dir(from, to, at)
}

// link makes a further name of a file that was copied already.
func (c *copier) link(dst int, name, at string, st *unix.Stat_t) (bool, error) {
	if st.Nlink < 2 {
		return false, nil
	}
	id := inode{st.Dev, st.Ino}
	first, known := c.links[id]
	if !known {
		c.links[id] = at
		return false, nil
	}
	return true, unix.Linkat(c.root, first, dst, name, 0)
}

// create makes a file of any kind but a directory, without its attributes.
func create(src, dst int, name string, st *unix.Stat_t) error {
	switch kind := st.Mode & unix.S_IFMT; kind {
	case unix.S_IFREG:
		return regular(src, dst, name)
	case unix.S_IFLNK:
		target, err := readlink(src, name)
		if err != nil {
			return err
		}
		return unix.Symlinkat(target, dst, name)
	default:
		return unix.Mknodat(dst, name, kind|0o600, int(st.Rdev)) //nolint:gosec // the number of a device
	}
}

func readlink(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	return string(buf[:n]), err
}

// entries returns the names in the directory fd, sorted. It reads from the
// beginning and leaves fd's own position alone.
func entries(fd int) ([]string, error) {
	again, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again), ".")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

func remove(dir int, name string) error {
	err := unix.Unlinkat(dir, name, 0)
	if !errors.Is(err, unix.EISDIR) {
		return err
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = clearDir(fd)
	_ = unix.Close(fd) // only read from
	if err != nil {
		return err
	}
	return unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
}

func clearDir(fd int) error {
	names, err := entries(fd)
	for _, name := range names {
		err = errors.Join(err, remove(fd, name))
	}
	return err
}
