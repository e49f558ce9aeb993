package rootless

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// patience is how many seconds the holder may take to answer.
const patience = 5

// NetNS opens the session's network namespace, which its user namespace owns; the caller
// closes it. It may be asked for whenever the holder lives, as it does when a program of
// vz begins. Outside of a session it is an error.
func NetNS() (*os.File, error) {
	if !session.Inside {
		return nil, errors.New("this program is in no session")
	}
	files, err := ask(session.Dir)
	if err != nil {
		return nil, fmt.Errorf("network namespace of the session: %w", err)
	}
	files[0].Close()
	files[1].Close()
	return files[2], nil
}

// ask returns user, mount and network namespace of a session.
func ask(path string) (files [3]*os.File, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return files, &os.PathError{Op: "open", Path: path, Err: err}
	}
	dir := os.NewFile(uintptr(fd), path)
	defer dir.Close()
	conn, err := dial(dir)
	if err != nil {
		return files, err
	}
	defer conn.Close()
	var byte1 [1]byte
	oob := make([]byte, unix.CmsgSpace(3*4))
	n, oobn, _, _, err := unix.Recvmsg(int(conn.Fd()), byte1[:], oob, unix.MSG_CMSG_CLOEXEC)
	for errors.Is(err, unix.EINTR) {
		n, oobn, _, _, err = unix.Recvmsg(int(conn.Fd()), byte1[:], oob, unix.MSG_CMSG_CLOEXEC)
	}
	if err != nil || n != 1 {
		return files, errors.Join(errors.New("the holder of the session gives nothing"), err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		return files, errors.Join(errors.New("the holder of the session makes no sense"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 3 {
		return files, errors.Join(errors.New("the holder of the session makes no sense"), err)
	}
	for i, name := range []string{"user", "mnt", "net"} {
		files[i] = os.NewFile(uintptr(fds[i]), name)
	}
	return files, nil
}

// dial connects to the holder, whose process is the user's.
func dial(dir *os.File) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	conn := os.NewFile(uintptr(fd), "holder")
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: patience}) // a holder may be stopped
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/socket", dir.Fd())})
	if err == nil {
		var peer *unix.Ucred
		if peer, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil && int(peer.Uid) != os.Getuid() {
			err = fmt.Errorf("the holder of the session is a process of uid %d", peer.Uid)
		}
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}
