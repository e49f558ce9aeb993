package vmbackend

import (
	"context"
	"net"

	"vz.internal/vzlinux/agentproto"
)

// DialPort implements vzcontract.Dialer.
func (b *Backend) DialPort(ctx context.Context, ref string, port uint16) (conn net.Conn, err error) {
	err = b.on(ctx, "connect to", ref, false, func(c *connection, id string) error {
		conn, err = c.DialPort(ctx, id, port)
		if half, ok := conn.(agentproto.Conn); ok && err == nil {
			conn = &heldConn{Conn: half, release: c.use()}
		}
		return err
	})
	return conn, err
}

// A heldConn keeps the connection with its machine until it is closed.
type heldConn struct {
	agentproto.Conn
	release func()
}

// Close implements net.Conn.
func (h *heldConn) Close() error {
	err := h.Conn.Close()
	h.release()
	return err
}
