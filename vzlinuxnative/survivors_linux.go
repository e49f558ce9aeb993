package vzlinuxnative

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/monitor"
	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/rootless"
)

// Survivors asks the monitors of containers, whose sockets are below run, for the
// namespaces of their user's session. It is nil where none lives.
func Survivors(run string) *rootless.Namespaces {
	sockets, _ := filepath.Glob(filepath.Join(run, "containers", "*", monitor.Socket)) // the pattern is right
	var found *rootless.Namespaces
	for _, path := range sockets {
		ns := askNamespaces(path)
		switch {
		case ns == nil:
		case ns.Net != nil: // that of all networks, which is worth looking for
			if found != nil {
				found.User.Close()
			}
			return ns
		case found == nil:
			found = ns
		default:
			ns.User.Close()
		}
	}
	return found
}

func askNamespaces(socket string) *rootless.Namespaces {
	conn, err := wire.Dial(socket)
	if err != nil {
		return nil
	}
	defer conn.Close()
	if conn.Send(&wire.Message{Op: wire.Namespaces}) != nil {
		return nil
	}
	answer, files, err := conn.Receive()
	if err != nil || len(files) == 0 || !ownUserNamespace(files[0]) {
		for _, f := range files {
			f.Close()
		}
		return nil
	}
	ns := &rootless.Namespaces{User: files[0]}
	if answer.Streams.Out && len(files) > 1 {
		ns.Net = files[1]
	}
	return ns
}

// ownUserNamespace reports whether f is a user namespace that this user has made.
func ownUserNamespace(f *os.File) bool {
	kind, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWUSER {
		return false
	}
	owner, err := unix.IoctlGetUint32(int(f.Fd()), unix.NS_GET_OWNER_UID)
	return err == nil && int(owner) == os.Getuid()
}
