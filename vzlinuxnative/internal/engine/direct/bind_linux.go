package direct

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/userns"
)

// A tree is a detached mount, made before the clone and attached by the child.
type tree struct {
	file *os.File
	dir  bool
}

// CloneTree returns a detached copy of a bind mount's source with the options that a
// start gives it, to be put into a container that runs. It goes with its descriptor.
// A kernel that cannot is vzcontract.ErrUnsupported.
func CloneTree(m specs.Mount) (*os.File, error) {
	if kernelTooOld() {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the kernel cannot make a mount for a container that runs: it takes Linux 5.12")
	}
	t, err := cloneTree(m, parseMountOptions(m.Options))
	return t.file, err
}

// cloneTree returns a detached copy of a bind mount's source with its options
// applied. A source of the form /proc/self/fd/N is that descriptor.
func cloneTree(m specs.Mount, o mountOptions) (tree, error) {
	at, path := unix.AT_FDCWD, m.Source
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if o.rbind {
		flags |= unix.AT_RECURSIVE
	}
	if n, ok := strings.CutPrefix(m.Source, "/proc/self/fd/"); ok {
		if fd, err := strconv.Atoi(n); err == nil {
			at, path, flags = fd, "", flags|unix.AT_EMPTY_PATH
		}
	}
	open := unix.OpenTree
	if ns, inside, ok := insideProcess(m.Source); ok {
		path = inside
		open = func(at int, path string, flags uint) (int, error) { return openTreeIn(ns, path, flags) }
	}
	fd, err := open(at, path, flags)
	if err != nil {
		return tree{}, fmt.Errorf("mount %s on %s: %w", m.Source, m.Destination, err)
	}
	t := tree{file: os.NewFile(uintptr(fd), m.Source)}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.file.Close()
		return tree{}, fmt.Errorf("mount %s on %s: %w", m.Source, m.Destination, err)
	}
	t.dir = st.Mode&unix.S_IFMT == unix.S_IFDIR
	if err := t.setAttributes(o); err != nil {
		t.file.Close()
		return tree{}, fmt.Errorf("mount %s on %s: set options: %w", m.Source, m.Destination, err)
	}
	return t, nil
}

func (t tree) setAttributes(o mountOptions) error {
	if o.set|o.clear != 0 {
		err := t.setattr(o.recursive, unix.MountAttr{Attr_set: o.set, Attr_clr: o.attrClear()})
		if errors.Is(err, unix.EPERM) && o.clear != 0 && userns.Inside() {
			// What the host has set on its mount, such as ro, nobody can take away here.
			o.clear = 0
			err = t.setattr(o.recursive, unix.MountAttr{Attr_set: o.set, Attr_clr: o.attrClear()})
		}
		if err != nil {
			return err
		}
	}
	prop, all := o.propagation, o.wholeTree
	if prop == 0 {
		prop, all = unix.MS_PRIVATE, true
	}
	return t.setattr(all, unix.MountAttr{Propagation: prop})
}

// attrClear adds what the kernel wants cleared to set an access time mode.
func (o mountOptions) attrClear() uint64 {
	if o.set&(unix.MOUNT_ATTR_NOATIME|unix.MOUNT_ATTR_STRICTATIME) != 0 {
		return o.clear | unix.MOUNT_ATTR__ATIME
	}
	return o.clear
}

func (t tree) setattr(recursive bool, a unix.MountAttr) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return unix.MountSetattr(int(t.file.Fd()), "", flags, &a)
}
