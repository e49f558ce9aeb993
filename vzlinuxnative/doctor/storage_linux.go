package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// overlay tries a file system in a detached mount: nothing becomes visible.
func overlay(_ context.Context, dirs Dirs) Result {
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return Result{Status: Failed, Detail: err.Error()}
	}
	if !strings.Contains(string(known), "\toverlay\n") {
		return Result{Status: Failed, Detail: "not in this kernel", Remedy: "modprobe overlay, or use a kernel with CONFIG_OVERLAY_FS"}
	}
	parent := existing(dirs.Home)
	dir, err := os.MkdirTemp(parent, ".vz-doctor-*")
	if err != nil {
		return Result{Status: Warning, Detail: fmt.Sprintf("known to the kernel; not tried: %v", err)}
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"lower", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return Result{Status: Warning, Detail: err.Error()}
		}
	}
	if err := tryOverlay(dir); err != nil {
		return Result{Status: Failed, Detail: fmt.Sprintf("not on %s: %v", parent, err), Remedy: "put $VZ_HOME on ext4, xfs or btrfs"}
	}
	return ok("works on " + parent)
}

func tryOverlay(dir string) error {
	fd, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for _, option := range [][2]string{{"lowerdir", "lower"}, {"upperdir", "upper"}, {"workdir", "work"}} {
		if err := unix.FsconfigSetString(fd, option[0], filepath.Join(dir, option[1])); err != nil {
			return fmt.Errorf("%s: %w", option[0], err)
		}
	}
	return unix.FsconfigCreate(fd)
}

// existing is the nearest ancestor of p that exists.
func existing(p string) string {
	for p != "/" && p != "." {
		if _, err := os.Stat(p); err == nil {
			return p
		}
		p = filepath.Dir(p)
	}
	return p
}

func idmap(_ context.Context, dirs Dirs) Result {
	tree, err := unix.OpenTree(unix.AT_FDCWD, existing(dirs.Home), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return Result{Status: Missing, Detail: fmt.Sprintf("mounts cannot be cloned: %v", err), Remedy: "--userns copies files instead; a kernel from 5.12 on avoids that"}
	}
	defer unix.Close(tree)
	// A file that is no user namespace: a kernel that knows the attribute
	// says so, one that does not says invalid for another reason.
	self, err := os.Open("/proc/self/ns/user")
	if err != nil {
		return Result{Status: Missing, Detail: "no user namespaces"}
	}
	defer self.Close()
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(self.Fd())})
	switch {
	case err == nil, errors.Is(err, unix.EPERM): // the initial user namespace is refused, by a kernel that knows them
		return ok("known to the kernel")
	default:
		return Result{Status: Missing, Detail: fmt.Sprintf("not on %s: %v", existing(dirs.Home), err), Remedy: "--userns copies files instead; ext4, xfs, btrfs and tmpfs have them"}
	}
}

// lowSpace is below what a usual image takes.
const lowSpace = 1 << 30

func disk(_ context.Context, dirs Dirs) Result {
	dir := existing(dirs.Home)
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Result{Status: Failed, Detail: fmt.Sprintf("%s: %v", dir, err)}
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		return Result{Status: Failed, Detail: dir + " is not writable", Remedy: "run vz as root or set $VZ_HOME"}
	}
	free := int64(st.Bavail) * st.Bsize
	detail := fmt.Sprintf("%s: %d MB free, %d inodes free", dirs.Home, free>>20, st.Ffree)
	if free < lowSpace || st.Files > 0 && st.Ffree < 10000 {
		return Result{Status: Warning, Detail: detail, Remedy: "vz system prune -a, or set $VZ_HOME to a larger file system"}
	}
	return ok(detail)
}
