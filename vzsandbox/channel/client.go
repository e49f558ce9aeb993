package channel

import (
	"context"
	"encoding/json"
	"net"

	"vz.internal/vzcontract"
)

// A Client is the calling side of a connection. Its methods are safe for concurrent
// use. Make one with [New].
type Client[Req, Resp any] struct{ link *link }

// New returns a client on conn, which it owns from now on, and waits for nothing. The
// caller closes it.
func New[Req, Resp any](conn net.Conn) *Client[Req, Resp] {
	return &Client[Req, Resp]{link: newLink(conn)}
}

// Call sends a request and returns the answer to it. It waits while the server's
// window has no room.
//
// When ctx ends Call returns ctx.Err() at once; the handler's context on the other
// side is cancelled, and a request that was not sent yet never is. A failure of the
// handler is an *[Error]. Once the connection has ended, for whatever reason, the error
// matches vzcontract.ErrUnavailable and is no *Error. A request that cannot be encoded or
// is longer than [MaxFrame] is refused with vzcontract.ErrValidation, and an answer that
// is no Resp is vzcontract.ErrInternal; the connection goes on after both.
func (c *Client[Req, Resp]) Call(ctx context.Context, request Req) (Resp, error) {
	var none, response Resp
	if err := ctx.Err(); err != nil {
		return none, err // nothing was asked for
	}
	answer, err := c.link.call(ctx, request)
	if err != nil {
		return none, err
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return none, vzcontract.Errorf(vzcontract.ErrInternal, "parse the answer as %T: %w", response, err)
	}
	return response, nil
}

// Done is closed when the connection has ended.
func (c *Client[Req, Resp]) Done() <-chan struct{} { return c.link.done }

// Close ends the connection; calls under way fail and handlers on the other side are
// cancelled. When it returns nothing of the client runs any more. Further calls do
// nothing.
func (c *Client[Req, Resp]) Close() error { return c.link.close() }
