package pack

import "golang.org/x/sys/unix"

// devices are those that an archive has come upon: true if what is there is no
// files but the kernel's view of itself.
type devices map[uint64]bool

// begin makes the device of the archive's first directory one of files.
func (d devices) begin(fd int) {
	var st unix.Stat_t
	if len(d) == 0 && unix.Fstat(fd, &st) == nil {
		d[st.Dev] = false
	}
}

// kernel reports whether the directory open as fd is on a file system of the
// kernel's own.
func (d devices) kernel(fd int, dev uint64) bool {
	known, ok := d[dev]
	if ok {
		return known
	}
	known = len(d) > 0 && Kernel(fd)
	d[dev] = known
	return known
}

// Kernel reports whether what is open as fd is no file but the kernel's view of
// itself.
func Kernel(fd int) bool {
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil {
		return false
	}
	switch fs.Type {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEVPTS_SUPER_MAGIC,
		unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC, mqueueMagic:
		return true
	}
	return false
}

// mqueueMagic is the type of the file system of POSIX message queues.
const mqueueMagic = 0x19800202
