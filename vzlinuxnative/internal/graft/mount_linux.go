package graft

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/inroot"
)

// ID is the kernel's number of a mount, as /proc/PID/mountinfo has it. No two mounts
// that exist have the same, in whatever namespace.
type ID uint64

// IDOf returns the number of the mount in which a file is open.
func IDOf(f *os.File) (ID, error) {
	st, err := statMount(int(f.Fd()), "", unix.AT_EMPTY_PATH)
	return ID(st.Mnt_id), err
}

// IDAt returns the number of the mount at target in the root of a process, which has to
// be a mount point. It is for a container of which no program has run yet.
func IDAt(pid int, target string) (ID, error) {
	root, err := os.OpenFile(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	fd, err := inroot.Resolve(int(root.Fd()), target, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	st, err := statMount(fd, "", unix.AT_EMPTY_PATH)
	if err == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		err = fmt.Errorf("nothing is mounted at %s", target)
	}
	return ID(st.Mnt_id), err
}

func statMount(fd int, name string, flags int) (st unix.Statx_t, err error) {
	err = unix.Statx(fd, name, flags, unix.STATX_TYPE|unix.STATX_MNT_ID, &st)
	if err != nil {
		return st, fmt.Errorf("statx: %w", err)
	}
	return st, nil
}

// A mount is a line of mountinfo.
type mount struct {
	id, parent ID
	point      string // without links, from the namespace's root
}

// mounts lists the namespace.
func (v view) mounts() ([]mount, error) {
	fd, err := unix.Openat(v.proc, "mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	f := os.NewFile(uintptr(fd), "mountinfo")
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	return parse(data)
}

func parse(mountinfo []byte) ([]mount, error) {
	var all []mount
	for line := range bytes.Lines(mountinfo) {
		fields := strings.Fields(string(line))
		if len(fields) < 5 {
			return nil, fmt.Errorf("list mounts: the line %q makes no sense", line)
		}
		id, err := strconv.ParseUint(fields[0], 10, 64)
		parent, err2 := strconv.ParseUint(fields[1], 10, 64)
		if err != nil || err2 != nil {
			return nil, fmt.Errorf("list mounts: the line %q makes no sense", line)
		}
		all = append(all, mount{id: ID(id), parent: ID(parent), point: escapes.Replace(fields[4])})
	}
	return all, nil
}

// escapes are those of mountinfo.
var escapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")

// Mounted returns the mounts of a namespace.
func Mounted(ns *os.File) (map[ID]bool, error) {
	there := map[ID]bool{}
	err := inside(ns, func(v view) error {
		all, err := v.mounts()
		for _, m := range all {
			there[m.id] = true
		}
		return err
	})
	return there, err
}
