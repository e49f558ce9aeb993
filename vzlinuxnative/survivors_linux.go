package vzlinuxnative

import (
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/monitor"
	"vz.internal/vzlinuxnative/internal/process"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/rootless"
)

// Survivors finds the namespaces of a session whose holder is gone, for rootless.Enter:
// it asks the monitors of containers, whose sockets are below run, and looks at the
// containers of home that have outlived theirs. It is nil where none lives.
func Survivors(home, run string) *rootless.Namespaces {
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
	if found == nil {
		found = orphanNamespaces(record.New(home))
	}
	return found
}

// orphanNamespaces looks for a container that runs without a monitor.
func orphanNamespaces(store *record.Store) *rootless.Namespaces {
	ids, err := store.IDs()
	if err != nil {
		return nil // there are no containers
	}
	for _, id := range ids {
		st, err := store.State(id)
		if err != nil || st.PID == 0 {
			continue
		}
		pidfd, err := process.Open(st.PID, st.Birth)
		if err != nil {
			continue
		}
		user, err := os.Open("/proc/" + strconv.Itoa(st.PID) + "/ns/user")
		alive := unix.PidfdSendSignal(pidfd, 0, nil, 0) == nil
		unix.Close(pidfd)
		if err != nil {
			continue
		}
		if alive && ownUserNamespace(user) {
			return &rootless.Namespaces{User: user}
		}
		user.Close()
	}
	return nil
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

// ownUserNamespace reports whether f is a user namespace that this user has made below
// this process's: not one that a program of a container has made.
func ownUserNamespace(f *os.File) bool {
	kind, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_NSTYPE)
	if err != nil || kind != unix.CLONE_NEWUSER {
		return false
	}
	owner, err := unix.IoctlGetUint32(int(f.Fd()), unix.NS_GET_OWNER_UID)
	if err != nil || int(owner) != os.Getuid() {
		return false
	}
	fd, err := unix.IoctlRetInt(int(f.Fd()), unix.NS_GET_PARENT)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var parent, own unix.Stat_t
	if unix.Fstat(fd, &parent) != nil || unix.Stat("/proc/self/ns/user", &own) != nil {
		return false
	}
	return parent.Dev == own.Dev && parent.Ino == own.Ino
}
