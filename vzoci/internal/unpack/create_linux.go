package unpack

import (
	"archive/tar"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// create makes what h describes at name in d.
func (a *applier) create(d *dir, name string, h *tar.Header) error {
	d.keep()
	if h.Typeflag == tar.TypeLink {
		return a.link(d, name, h.Linkname)
	}
	m, err := a.metaOf(h)
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if child := d.children[name]; child != nil {
			child.meta, child.passage = m, false
			return nil
		}
		_, err := a.makeDir(d, name, m)
		return err
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse, '\x00':
		return a.file(d, name, h, m)
	case tar.TypeSymlink:
		if h.Linkname == "" || len(h.Linkname) > a.limits.Name {
			return invalid("a symbolic link to a name of %d bytes", len(h.Linkname))
		}
		return a.node(d, name, m, func(fd int) error { return unix.Symlinkat(h.Linkname, fd, name) })
	case tar.TypeFifo:
		return a.node(d, name, m, func(fd int) error { return unix.Mknodat(fd, name, unix.S_IFIFO|0o600, 0) })
	case tar.TypeChar, tar.TypeBlock:
		return a.device(d, name, h, m)
	}
	return invalid("unknown type %q", h.Typeflag)
}

// replacing calls make, a second time when what was at name has been removed.
func (a *applier) replacing(d *dir, name string, make func(fd int) error) error {
	fd, err := a.tree.fd(d)
	if err != nil {
		return err
	}
	if err := make(fd); !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := a.tree.remove(d, name); err != nil {
		return err
	}
	if fd, err = a.tree.fd(d); err != nil {
		return err
	}
	return make(fd)
}

// node makes something without contents.
func (a *applier) node(d *dir, name string, m meta, make func(fd int) error) error {
	if err := a.replacing(d, name, make); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	fd, err := a.tree.fd(d)
	if err != nil {
		return err
	}
	return a.setAt(fd, name, m)
}

func (a *applier) device(d *dir, name string, h *tar.Header, m meta) error {
	const maxMajor, maxMinor = 1<<12 - 1, 1<<20 - 1 // the kernel's
	if h.Devmajor < 0 || h.Devmajor > maxMajor || h.Devminor < 0 || h.Devminor > maxMinor {
		return invalid("there is no device %d:%d", h.Devmajor, h.Devminor)
	}
	mode := uint32(unix.S_IFBLK)
	if h.Typeflag == tar.TypeChar {
		mode = unix.S_IFCHR
		if h.Devmajor == 0 && h.Devminor == 0 {
			return invalid("a character device 0:0 would be a whiteout in an overlay")
		}
	}
	dev := int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor)))
	m.mode |= mode
	err := a.node(d, name, m, func(fd int) error { return unix.Mknodat(fd, name, mode|0o600, dev) })
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	a.leaveOut("device %s: an empty file in its place, without the right to make devices", quote(h.Name))
	m.mode &^= unix.S_IFMT
	return a.emptyFile(d, name, m)
}

// openNew makes the regular file name for writing, for the caller alone.
func (a *applier) openNew(d *dir, name string) (fd int, err error) {
	err = a.replacing(d, name, func(parent int) error {
		fd, err = openat(parent, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("create: %w", err)
	}
	return fd, nil
}

func (a *applier) emptyFile(d *dir, name string, m meta) error {
	fd, err := a.openNew(d, name)
	if err != nil {
		return err
	}
	return closeAfter(fd, a.set(fd, m))
}

func (a *applier) file(d *dir, name string, h *tar.Header, m meta) error {
	if h.Size > a.limits.Bytes-a.bytes {
		return invalid("the layer has more than %d bytes of contents", a.limits.Bytes)
	}
	a.bytes += h.Size
	fd, err := a.openNew(d, name)
	if err != nil {
		return err
	}
	if h.Size > 0 {
		err = a.contents(fd, h)
	}
	if err == nil {
		err = a.set(fd, m)
	}
	return closeAfter(fd, err)
}

func closeAfter(fd int, err error) error {
	if closeErr := unix.Close(fd); err == nil && closeErr != nil {
		return fmt.Errorf("close: %w", closeErr)
	}
	return err
}
