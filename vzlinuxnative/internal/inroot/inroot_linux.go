// Package inroot opens files below a root directory whose contents are not
// trusted. Links, also absolute ones, are resolved inside the root.
package inroot

import (
	"errors"
	"io/fs"
	"os"

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
	fd, err := openat2(root, path)
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

func openat2(root int, path string) (int, error) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY,
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
