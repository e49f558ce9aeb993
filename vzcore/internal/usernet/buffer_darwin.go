package usernet

import (
	"os"
	"syscall"
)

// The buffers of a cable: macOS has room for few frames unless told otherwise, and asks
// for several times as much for what is received as for what is sent.
const (
	sendBuffer    = 1 << 20
	receiveBuffer = 4 << 20
)

// enlarge gives a socket the buffers that Virtualization.framework asks for.
func enlarge(fd int) error {
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, sendBuffer); err != nil {
		return os.NewSyscallError("setsockopt SO_SNDBUF", err)
	}
	err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, receiveBuffer)
	return os.NewSyscallError("setsockopt SO_RCVBUF", err)
}
