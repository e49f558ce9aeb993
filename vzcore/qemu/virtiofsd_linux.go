package qemu

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// virtiofsdPlaces are where distributions put it: it is not on PATH.
var virtiofsdPlaces = []string{"/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd", "/usr/local/libexec/virtiofsd"}

// Virtiofsd returns the path of the program that serves shares, or an error that
// says how to get it.
func Virtiofsd() (string, error) {
	for _, path := range virtiofsdPlaces {
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", vzcontract.Errorf(vzcontract.ErrUnsupported, "there is no virtiofsd in %s: install it (Debian: qemu-system-common or virtiofsd)",
		strings.Join(virtiofsdPlaces, ", "))
}

func busOf(slot int) string { return fmt.Sprintf("hot%d", slot) }

// serveShare starts a virtiofsd for s and returns a connection with it for QEMU.
func serveShare(s config.Share, dir string) (daemon *process, connection *os.File, err error) {
	program, err := Virtiofsd()
	if err != nil {
		return nil, nil, err
	}
	args, err := virtiofsdCommand(program, s)
	if err != nil {
		return nil, nil, err
	}
	// It wants a socket to listen on, which is gone again when QEMU's
	// connection waits in its backlog.
	listener, connection, err := listenerWithClient(dir)
	if err != nil {
		return nil, nil, err
	}
	defer listener.Close()
	daemon, err = spawn(args[0], args[1:], listener)
	if err != nil {
		return nil, nil, errors.Join(err, connection.Close())
	}
	return daemon, connection, nil
}

func listenerWithClient(dir string) (listener, client *os.File, err error) {
	// A path through a descriptor is short enough for any directory.
	at, err := os.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	defer at.Close()
	name := fmt.Sprintf("/proc/self/fd/%d/virtiofs-%d", at.Fd(), os.Getpid())
	address := &net.UnixAddr{Name: name, Net: "unix"}
	l, err := net.ListenUnix("unix", address)
	if err != nil {
		return nil, nil, err
	}
	defer l.Close() // unlinks the name
	c, err := net.DialUnix("unix", nil, address)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	if listener, err = l.File(); err != nil {
		return nil, nil, err
	}
	if client, err = c.File(); err != nil {
		return nil, nil, errors.Join(err, listener.Close())
	}
	return listener, client, nil
}

// virtiofsdCommand returns the command that serves s on descriptor 3. The two
// programs of that name have options of their own; that of QEMU has none for
// read-only, so it gets a mount of its own to serve.
func virtiofsdCommand(program string, s config.Share) ([]string, error) {
	ofQEMU, err := virtiofsdOfQEMU(program)
	if err != nil {
		return nil, err
	}
	if !ofQEMU {
		args := []string{program, "--fd=3", "--shared-dir", s.Source, "--xattr", "--cache=auto"}
		if s.ReadOnly {
			args = append(args, "--readonly")
		}
		return args, nil
	}
	args := []string{program, "-f", "--fd=3", "-o", "source=" + escapeFUSE(s.Source), "-o", "xattr,cache=auto"}
	if !s.ReadOnly {
		return args, nil
	}
	if unix.Geteuid() != 0 {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "read-only shares with %s need root, or virtiofsd 1.11 or newer", program)
	}
	const script = `mount --bind -- "$1" "$1" && mount -o remount,ro,bind -- "$1" && shift && exec "$@"`
	return append([]string{"/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh", filepath.Clean(s.Source)}, args...), nil
}

// virtiofsdOfQEMU tells whether program is the old one, in C, that came with QEMU.
func virtiofsdOfQEMU(program string) (bool, error) {
	version, err := exec.Command(program, "--version").CombinedOutput()
	if err != nil {
		return false, fmt.Errorf("ask %s for its version: %w", program, err)
	}
	return strings.Contains(string(version), "Fabrice Bellard"), nil
}

// shareKind says by which file system shares are mounted: virtiofs if there is a
// virtiofsd that can run as this user.
func (d *Driver) shareKind() string {
	if d.shares != "" {
		return d.shares
	}
	program, err := Virtiofsd()
	if err != nil {
		return NineP
	}
	if unix.Geteuid() != 0 {
		if old, err := virtiofsdOfQEMU(program); old || err != nil {
			return NineP
		}
	}
	return Virtiofs
}

// ownership is the security model of 9p: who is not root cannot give files away.
func ownership() string {
	if unix.Geteuid() == 0 {
		return "passthrough"
	}
	return "none"
}

// escapeFUSE escapes a value for libfuse's option syntax.
func escapeFUSE(value string) string {
	return strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(value)
}
