package fake

import (
	"context"
	"net"

	"vz.internal/vzcontract"
)

// DialPort implements vzcontract.Dialer: it reaches what nc listens on, in containers
// that this process runs.
func (b *Backend) DialPort(ctx context.Context, ref string, port uint16) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	unlock, err := b.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	const op = "connect to"
	c, err := b.find(op, ref)
	if err != nil {
		return nil, err
	}
	if err := vzcontract.CheckPort(port); err != nil {
		return nil, failure(op, c, vzcontract.ErrValidation, "%w", err)
	}
	if c.Info.State != vzcontract.StateRunning {
		return nil, failure(op, c, vzcontract.ErrConflict, "the container is %s, not running", c.Info.State)
	}
	if err := b.here(c); err != nil {
		return nil, failure(op, c, classOf(err), "%w", err)
	}
	r := b.runs[c.Info.ID]
	if r == nil { // nobody runs it any more: it is a record
		return nil, failure(op, c, vzcontract.ErrUnavailable, "%w", vzcontract.Refused(port))
	}
	conn, listened, err := r.kernel.Dial(port)
	switch {
	case err != nil:
		return nil, failure(op, c, vzcontract.ErrInternal, "%w", err)
	case !listened:
		return nil, failure(op, c, vzcontract.ErrUnavailable, "%w", vzcontract.Refused(port))
	}
	return conn, nil
}
