package treecopy

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/overlay"
)

// attributes gives dst/name the owner, mode, extended attributes and times of
// src/name, which st describes.
func (o Options) attributes(src, dst int, name string, st *unix.Stat_t) error {
	if err := unix.Fchownat(dst, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		// In a user namespace with one id there is nobody to give it to.
		if !overlay.UserXattrs() || !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("change owner: %w", err)
		}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Fchmodat(dst, name, st.Mode&0o7777, 0); err != nil {
			return fmt.Errorf("change mode: %w", err)
		}
	}
	if err := o.xattrs(within(src, name), within(dst, name)); err != nil {
		return err
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(dst, name, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("change times: %w", err)
	}
	return nil
}

// within names an entry of an open directory for system calls that take only
// paths; they do not follow it.
func within(dir int, name string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", dir, name) }

func (o Options) xattrs(src, dst string) error {
	names, err := value(func(b []byte) (int, error) { return unix.Llistxattr(src, b) })
	if errors.Is(err, unix.EOPNOTSUPP) || len(names) == 0 && err == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list attributes: %w", err)
	}
	for raw := range bytes.SplitSeq(bytes.TrimSuffix(names, []byte{0}), []byte{0}) {
		name := string(raw)
		if strings.HasPrefix(name, overlay.Prefix()) && !(o.Marks && name == overlay.OpaqueName()) {
			continue
		}
		v, err := value(func(b []byte) (int, error) { return unix.Lgetxattr(src, name, b) })
		if errors.Is(err, unix.ENODATA) {
			continue // listed, but not for us
		}
		if err == nil {
			err = unix.Lsetxattr(dst, name, v, 0)
		}
		// The other file system, or one's rights, may not have such attributes.
		if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("copy attribute %s: %w", name, err)
		}
	}
	return nil
}

// value calls get with room for what it returns.
func value(get func([]byte) (int, error)) ([]byte, error) {
	buf := make([]byte, 256)
	for {
		n, err := get(buf)
		switch {
		case err == nil:
			return buf[:n], nil
		case !errors.Is(err, unix.ERANGE):
			return nil, err
		}
		if n, err = get(nil); err != nil {
			return nil, err
		}
		buf = make([]byte, n+64)
	}
}
