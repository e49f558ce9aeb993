//go:build linux

package monitor

import (
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A scarce listener has no descriptor for a connection the first times, then is closed.
type scarce int

func (s *scarce) AcceptUnix() (*net.UnixConn, error) {
	*s--
	if *s > 0 {
		return nil, &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", unix.EMFILE)}
	}
	return nil, net.ErrClosed
}

// TestAcceptScarce: a lack of descriptors, which clients of published ports can bring
// about, does not keep a monitor from being asked anything for ever.
func TestAcceptScarce(t *testing.T) {
	left := scarce(3)
	new(monitor).accept(&left)
	if left != 0 {
		t.Errorf("it gave up %d connections before the end", left)
	}
}
