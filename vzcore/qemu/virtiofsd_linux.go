package qemu

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

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
	return "", vzcontract.Errorf(vzcontract.ErrUnsupported, "there is no virtiofsd in %s: install it (Debian: apt-get install virtiofsd; before Debian 13 qemu-system-common)",
		strings.Join(virtiofsdPlaces, ", "))
}

func busOf(slot int) string { return fmt.Sprintf("hot%d", slot) }

// serveShare starts a virtiofsd for s, as one's daemon, and returns a connection with it
// for QEMU.
func serveShare(one *share, s config.Share, dir string) (connection *os.File, err error) {
	program, err := Virtiofsd()
	if err != nil {
		return nil, err
	}
	base := filepath.Join(dir, "share-"+s.Tag)
	if s.Composed() {
		if err := os.MkdirAll(base, 0o700); err != nil {
			return nil, err
		}
	}
	args, err := virtiofsdCommand(program, base, s)
	if err != nil {
		return nil, err
	}
	// It wants a socket to listen on, which is gone again when QEMU's
	// connection waits in its backlog.
	listener, connection, err := listenerWithClient(dir)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	if s.Growing {
		err = one.spawnGrowing(args, base, listener)
	} else {
		one.daemon, err = spawn(args[0], args[1:], listener)
	}
	if err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return connection, nil
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

// Scripts that make what a virtiofsd serves, in a mount namespace of its own: a
// read-only view of a directory, and a directory at $1 of $2 entries, each with
// name, source and mode. The sandbox that a virtiofsd makes for itself gets what is
// mounted below a shared mount later.
const (
	readOnlyScript = `set -e; mount --bind -- "$1" "$1"; mount -o remount,ro,bind -- "$1"; shift; exec "$@"`
	entriesScript  = `set -e; base=$1 n=$2; shift 2
mount -t tmpfs -o mode=0755,size=1m vz "$base"
mount --make-shared -- "$base"
while [ "$n" -gt 0 ]; do
  if [ -d "$2" ]; then mkdir -- "$base/$1"; else : >"$base/$1"; fi
  mount --bind -- "$2" "$base/$1"
  if [ "$3" = ro ]; then mount -o remount,ro,bind -- "$base/$1"; fi
  shift 3; n=$((n-1))
done
`
	// gate lets the starter look before virtiofsd hides its mounts.
	gateScript = `echo >&4; read -r _ <&5 || :; exec 4>&- 5<&-
`
	execScript = `exec "$@"`
)

// virtiofsdCommand returns the command that serves s on descriptor 3; base is an
// empty directory for its entries. The two programs of that name have options of
// their own; that of QEMU has none for read-only, so it gets a mount of its own to
// serve.
func virtiofsdCommand(program, base string, s config.Share) ([]string, error) {
	ofQEMU, err := virtiofsdOfQEMU(program)
	if err != nil {
		return nil, err
	}
	source := s.Source
	if s.Composed() {
		source = base
	}
	var args []string
	if ofQEMU {
		args = []string{program, "-f", "--fd=3", "-o", "source=" + escapeFUSE(source), "-o", "xattr,cache=auto"}
		if s.Trusted {
			args = append(args, "-o", "modcaps=+sys_admin")
		}
	} else {
		args = []string{program, "--fd=3", "--shared-dir", source, "--xattr", "--cache=auto"}
		if s.Trusted {
			args = append(args, "--modcaps=+sys_admin")
		}
		if s.ReadOnly {
			args = append(args, "--readonly")
		}
	}
	script, words := "", []string(nil)
	switch {
	case s.Composed():
		script, words = entriesScript+execScript, []string{base, strconv.Itoa(len(s.Entries))}
		for _, e := range s.Entries {
			mode := "rw"
			if e.ReadOnly || s.ReadOnly {
				mode = "ro"
			}
			words = append(words, e.Name, e.Source, mode)
		}
		if s.Growing {
			script = entriesScript + gateScript + execScript
		}
	case s.ReadOnly && ofQEMU:
		script, words = readOnlyScript, []string{filepath.Clean(s.Source)}
	default:
		return args, nil
	}
	if unix.Geteuid() != 0 {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "a share of several directories, or a read-only one with %s, needs root", program)
	}
	return slices.Concat([]string{"/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh"}, words, args), nil
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
		if old, err := virtiofsdOfQEMU(program); old || err != nil || !namespaces() {
			return NineP
		}
	}
	return Virtiofs
}

// namespaces tells whether somebody who is not root may make those that a virtiofsd locks
// itself into. Ubuntu 24.04 refuses them.
var namespaces = sync.OnceValue(func() bool {
	return exec.Command("/usr/bin/unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "/bin/true").Run() == nil
})

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
