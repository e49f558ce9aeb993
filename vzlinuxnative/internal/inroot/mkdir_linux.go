package inroot

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// MkdirAll makes the directory at name below root with what is missing above
// it, owned by uid and gid. Links are followed inside root; a component that is
// no directory is unix.ENOTDIR.
func MkdirAll(root, name string, uid, gid int) error {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	return mkdirAllAt(dir, name, uid, gid)
}

// Make makes what is missing of name below the directory that is open as root, for
// root: directories of mode 0755, the last one an empty file of mode 0644 unless dir.
// Links are followed as in MkdirAll.
func Make(root int, name string, dir bool) error {
	if dir {
		return mkdirAllAt(root, name, 0, 0)
	}
	parent, base := path.Split(path.Clean("/" + name))
	if err := mkdirAllAt(root, parent, 0, 0); err != nil {
		return err
	}
	fd, err := openDir(root, parent)
	if err != nil {
		return &fs.PathError{Op: "open", Path: parent, Err: err}
	}
	defer unix.Close(fd)
	file, err := unix.Openat(fd, base, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return unix.Close(file)
}

// mkdirAllAt is MkdirAll below the directory that is open as dir.
func mkdirAllAt(dir int, name string, uid, gid int) error {
	if fd, err := openDir(dir, name); err == nil {
		return unix.Close(fd)
	}
	done := "/"
	for part := range strings.SplitSeq(strings.Trim(path.Clean("/"+name), "/"), "/") {
		if err := mkdirIn(dir, done, part, uid, gid); err != nil {
			return &fs.PathError{Op: "mkdir", Path: path.Join(done, part), Err: err}
		}
		done = path.Join(done, part)
	}
	return nil
}

func openDir(root int, name string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(root, name, &how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// mkdirIn makes part in the directory parent unless it leads to one.
func mkdirIn(root int, parent, part string, uid, gid int) error {
	if fd, err := openDir(root, path.Join(parent, part)); err == nil {
		return unix.Close(fd)
	} else if !errors.Is(err, unix.ENOENT) {
		return err
	}
	fd, err := openDir(root, parent)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Mkdirat(fd, part, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			return unix.ENOTDIR // a link that leads nowhere
		}
		return err
	}
	if uid == 0 && gid == 0 {
		return nil
	}
	return unix.Fchownat(fd, part, uid, gid, unix.AT_SYMLINK_NOFOLLOW)
}
