// Package inroot opens files below a root directory whose contents are not
// trusted. Links, also absolute ones, are resolved inside the root.
package inroot

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Open opens a regular file for reading. Anything else at path is an error
// matching fs.ErrInvalid (unix.EISDIR for a directory); nothing is waited for,
// also not the writer of a pipe. root itself is trusted.
func Open(root, path string) (*os.File, error) {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	defer unix.Close(dir)
	return OpenAt(dir, path)
}

// OpenAt is Open below the directory that is open as root.
func OpenAt(root int, path string) (*os.File, error) {
	fd, err := openat2(root, path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return f, nil
	case unix.S_IFDIR:
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: unix.EISDIR}
	}
	f.Close()
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrInvalid}
}

// Resolve opens what path leads to below the directory that is open as root,
// with O_PATH and flags: with O_NOFOLLOW a link at the end is opened itself.
func Resolve(root int, path string, flags int) (int, error) {
	if path == "" {
		path = "."
	}
	fd, err := openat2(root, path, unix.O_PATH|flags)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

// Dir opens a directory below the one that is open as root, for reading.
func Dir(root int, path string) (*os.File, error) {
	if path == "" {
		path = "."
	}
	fd, err := openat2(root, path, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Reopen opens what is open as fd, with O_PATH, with other flags.
func Reopen(fd, flags int) (*os.File, error) {
	name := "/proc/self/fd/" + strconv.Itoa(fd)
	again, err := unix.Open(name, flags|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(again), name), nil
}

func openat2(root int, path string, flags int) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flags) | unix.O_CLOEXEC, //nolint:gosec // not negative
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for {
		fd, err := unix.Openat2(root, path, &how)
		// EAGAIN: something was renamed meanwhile.
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
