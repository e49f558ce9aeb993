package unpack

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// snapshot describes all files below dir, one line each.
func snapshot(t testing.TB, dir string) []string {
	t.Helper()
	var lines []string
	links := map[uint64]string{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		lines = append(lines, describe(t, path, name, links))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

func describe(t testing.TB, path, name string, links map[uint64]string) string {
	t.Helper()
	var st unix.Stat_t
	stat := unix.Lstat
	if name == "." {
		stat = unix.Stat // a descriptor in /proc
	}
	if err := stat(path, &st); err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("%q %o %d:%d", name, st.Mode, st.Uid, st.Gid)
	if name != "." {
		line += fmt.Sprintf(" %d.%09d", st.Mtim.Sec, st.Mtim.Nsec)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		line += fmt.Sprintf(" %d %x", st.Size, sha256.Sum256(data))
		if first, ok := links[st.Ino]; ok {
			line += " = " + first
		}
		links[st.Ino] = name
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		line += " -> " + target
	case unix.S_IFCHR, unix.S_IFBLK:
		line += fmt.Sprintf(" %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	}
	return line + xattrText(t, path)
}

func xattrText(t testing.TB, path string) string {
	t.Helper()
	buf := make([]byte, 4096)
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		t.Fatalf("attributes of %s: %v", path, err)
	}
	names := strings.Split(string(buf[:n]), "\x00")
	slices.Sort(names)
	text := ""
	for _, name := range names {
		if name == "" || name == "security.selinux" {
			continue
		}
		n, err := unix.Lgetxattr(path, name, buf)
		if err != nil {
			t.Fatalf("attribute %s of %s: %v", name, path, err)
		}
		text += fmt.Sprintf(" %s=%q", name, buf[:n])
	}
	return text
}

// names returns the first field of each line but the root's.
func names(lines []string) string {
	var all []string
	for _, l := range lines {
		name, _, _ := strings.Cut(l[1:], `" `)
		if name != "." {
			all = append(all, name)
		}
	}
	return strings.Join(all, " ")
}

// stack mounts the layers, the nearest first, by overlayfs and returns where.
// The mount has no place in the tree of mounts and ends with its descriptor.
func stack(t testing.TB, layers []string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("requires root, to mount overlayfs")
	}
	if len(layers) == 1 {
		layers = append(slices.Clone(layers), t.TempDir())
	}
	fsfd, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		t.Skipf("requires overlayfs: %v", err)
	}
	defer unix.Close(fsfd)
	if err := unix.FsconfigSetString(fsfd, "lowerdir", strings.Join(layers, ":")); err != nil {
		t.Fatal(err)
	}
	if err := unix.FsconfigCreate(fsfd); err != nil {
		t.Fatalf("mount overlay of %q: %v", layers, err)
	}
	mnt, err := unix.Fsmount(fsfd, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(mnt) })
	return fmt.Sprintf("/proc/self/fd/%d/", mnt)
}
