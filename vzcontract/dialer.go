package vzcontract

import (
	"context"
	"net"
	"time"
)

// A Dialer connects with programs in containers.
type Dialer interface {
	// DialPort connects to a TCP port of a running container, from inside its network
	// namespace: as a program of the container would, so also where its network is
	// "none" and to what listens on its loopback alone. It tries 127.0.0.1, then ::1,
	// then the addresses of its interfaces. No other address can be named: a connection
	// never leaves the container, whatever its egress policy is. One that has the
	// network namespace of the host or of another container has their ports.
	//
	// Where nothing listens it is ErrRefused. Port 0 is ErrValidation, a container that
	// is not running ErrConflict, and a program that takes no connections for as long as
	// [DialTimeout] ErrTimeout. ctx bounds the connecting alone. The caller closes the
	// connection, which has a CloseWrite method and ends with the container.
	DialPort(ctx context.Context, container string, port uint16) (net.Conn, error)
}

// DialTimeout is how long Dialer.DialPort waits for a connection to be taken.
const DialTimeout = 30 * time.Second

// CheckPort returns an error matching ErrValidation unless a [Dialer] can connect to
// the port.
func CheckPort(port uint16) error {
	if port == 0 {
		return Errorf(ErrValidation, "port 0: ports are 1 to 65535")
	}
	return nil
}

// Refused is the error of a port on which nothing listens.
func Refused(port uint16) error {
	return Errorf(ErrRefused, "nothing listens on port %d", port)
}
