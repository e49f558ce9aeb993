package route

import (
	"context"
	"net"

	"vz.internal/vzcontract"
)

// DialPort implements vzcontract.Dialer.
func (b *Backend) DialPort(ctx context.Context, ref string, port uint16) (conn net.Conn, err error) {
	err = on(ctx, b, "connect to", ref, func(s vzcontract.Dialer) error {
		conn, err = s.DialPort(ctx, ref, port)
		return err
	})
	return conn, err
}
