//go:build linux

package wire

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Pair returns the two ends of a connection; theirs is to be inherited by
// another program.
func Pair() (ours *Conn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs = os.NewFile(uintptr(fds[1]), "monitor")
	ours, err = FileConn(os.NewFile(uintptr(fds[0]), "vz"))
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// short runs use with a path of the socket that fits into an address, which
// holds 108 bytes, however long the directory's is.
func short(path string, use func(string) error) error {
	dir, err := os.OpenFile(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}

// Dial connects to the monitor that listens at path.
func Dial(path string) (c *Conn, err error) {
	err = short(path, func(name string) error {
		u, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
		if err == nil {
			c = NewConn(u)
		}
		return err
	})
	return c, err
}

// Listen makes a socket at path that only its owner may connect to.
func Listen(path string) (l *net.UnixListener, err error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	err = short(path, func(name string) error {
		if l, err = net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"}); err != nil {
			return err
		}
		l.SetUnlinkOnClose(false) // the name goes through this process's descriptors
		return os.Chmod(name, 0o600)
	})
	return l, err
}
