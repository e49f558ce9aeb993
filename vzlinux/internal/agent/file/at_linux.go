package file

import (
	"archive/tar"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// xattrs returns the extended attributes of file as records of a tar header.
func xattrs(file string) (map[string]string, error) {
	list := make([]byte, 64<<10)
	n, err := unix.Llistxattr(file, list)
	if errors.Is(err, unix.ENOTSUP) || n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, &os.PathError{Op: "llistxattr", Path: file, Err: err}
	}
	records := map[string]string{}
	value := make([]byte, 64<<10)
	for name := range strings.SplitSeq(strings.TrimRight(string(list[:n]), "\x00"), "\x00") {
		size, err := unix.Lgetxattr(file, name, value)
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EPERM) {
			continue
		}
		if err != nil {
			return nil, &os.PathError{Op: "lgetxattr", Path: file, Err: err}
		}
		records[xattrPrefix+name] = string(value[:size])
	}
	return records, nil
}

// parent opens the directory of name and gives its descriptor and the last part of
// name to do.
func parent(root *os.Root, name string, do func(fd int, base string) error) error {
	dir, err := root.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return do(int(dir.Fd()), filepath.Base(name))
}

func mknod(root *os.Root, name string, h *tar.Header) error {
	mode := uint32(unix.S_IFIFO)
	switch h.Typeflag {
	case tar.TypeChar:
		mode = unix.S_IFCHR
	case tar.TypeBlock:
		mode = unix.S_IFBLK
	}
	return parent(root, name, func(fd int, base string) error {
		return unix.Mknodat(fd, base, mode|0o600, int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))))
	})
}

// setXattr sets an attribute of name itself, also of a symbolic link: the last
// part is named through its directory's descriptor.
func setXattr(root *os.Root, name, attr, value string) error {
	return parent(root, name, func(fd int, base string) error {
		return unix.Lsetxattr(fmt.Sprintf("/proc/self/fd/%d/%s", fd, base), attr, []byte(value), 0)
	})
}
