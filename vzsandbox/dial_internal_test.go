package vzsandbox

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
)

// A scarce listener has no descriptor for a connection, some times.
type scarce struct {
	net.Listener
	times int
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.times > 0 {
		s.times--
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return nil, net.ErrClosed
}

// TestAcceptScarce: a lack of descriptors, which many clients can bring about, does not
// end a Forward.
func TestAcceptScarce(t *testing.T) {
	if _, err := accept(t.Context(), &scarce{times: 2}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept = %v, want what comes after the lack: %v", err, net.ErrClosed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := accept(ctx, &scarce{times: 1 << 20}); !errors.Is(err, context.Canceled) {
		t.Errorf("accept = %v, want the end of its context", err)
	}
}
