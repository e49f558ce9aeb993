package unpack

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// An xattr is an extended attribute.
type xattr struct{ name, value string }

// keepXattr judges the error of setting x. What the file system or the caller's
// rights do not allow is left out, as other unpackers do; a bad attribute is
// the archive's fault.
func (a *applier) keepXattr(x xattr, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		a.leaveOut("attribute %s: %v", quote(x.name), err)
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ERANGE), errors.Is(err, unix.E2BIG):
		return invalid("attribute %s with %d bytes: %v", quote(x.name), len(x.value), err)
	}
	return fmt.Errorf("set attribute %s: %w", quote(x.name), err)
}

// readXattrs returns the attributes of an open file but for those of overlayfs
// and the host's labels.
func readXattrs(fd int) ([]xattr, error) {
	names := make([]byte, 64<<10) // the kernel's limit
	n, err := unix.Flistxattr(fd, names)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list attributes: %w", err)
	}
	var all []xattr
	var value []byte
	for name := range strings.SplitSeq(string(names[:n]), "\x00") {
		if name == "" || name == "security.selinux" || strings.HasPrefix(name, "trusted.overlay.") || strings.HasPrefix(name, "user.overlay.") {
			continue
		}
		if value == nil {
			value = make([]byte, 64<<10)
		}
		n, err := unix.Fgetxattr(fd, name, value)
		if err != nil {
			return nil, fmt.Errorf("read attribute %s: %w", name, err)
		}
		all = append(all, xattr{name, string(value[:n])})
	}
	return all, nil
}
