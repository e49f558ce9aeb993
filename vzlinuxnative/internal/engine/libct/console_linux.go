package libct

import (
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

// withConsole starts p and, for a terminal, returns the pseudo-terminal's
// master, which the container's side sends over a socket pair.
func withConsole(terminal bool, p *libcontainer.Process, start func(*libcontainer.Process) error) (*os.File, error) {
	if !terminal {
		return nil, start(p)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket for console: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "console"), os.NewFile(uintptr(pair[1]), "console")
	defer ours.Close()
	defer theirs.Close()
	p.ConsoleSocket = theirs
	if err := start(p); err != nil {
		return nil, err
	}
	theirs.Close()
	return receiveFile(ours)
}

// receiveFile receives one descriptor. The sender has sent it or is dead.
func receiveFile(sock *os.File) (*os.File, error) {
	data, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(sock.Fd()), data, oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("receive console: %w", err)
	}
	ms, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(ms) != 1 {
		return nil, fmt.Errorf("receive console: %w", errors.Join(err, unix.EBADMSG))
	}
	fds, err := unix.ParseUnixRights(&ms[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("receive console: %w", errors.Join(err, unix.EBADMSG))
	}
	// Non-blocking, so that a Read ends when another goroutine closes it.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, fmt.Errorf("receive console: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "console"), nil
}
