package usernet

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// pair returns a connected pair of datagram sockets: one end for this process, the other
// for the hypervisor.
func pair() (ours *net.UnixConn, theirs *os.File, err error) {
	syscall.ForkLock.RLock() // no child inherits them meanwhile
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	file := os.NewFile(uintptr(fds[0]), "cable")
	theirs = os.NewFile(uintptr(fds[1]), "cable")
	for _, fd := range fds {
		err = errors.Join(err, enlarge(fd))
	}
	conn, wrong := net.FileConn(file)
	if err = errors.Join(err, wrong, file.Close()); err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}
