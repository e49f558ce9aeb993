package channel

import (
	"context"
	"encoding/json"
	"net"

	"vz.internal/vzcontract"
)

// Serve answers the requests that come over conn, which it owns, with handler, until
// the connection or ctx ends. Handlers run concurrently, as many as the window allows
// ([WithWindow]); the context of each ends when its caller cancels or Serve is about
// to return. When Serve returns the connection is closed and no handler runs any more:
// it waits for them.
//
// The error of a handler reaches the caller as an *[Error] with its text and its code:
// vzcontract.CodeOf, or "timeout" for context.DeadlineExceeded. A panic is
// "internal_error" to that one caller, a request that is no Req "validation_error",
// and an answer longer than [MaxFrame] "internal_error".
//
// Serve returns nil when the other side has closed the connection between two frames,
// the cause of ctx when that has ended, an error that matches [ErrProtocol] after a
// violation, and any other end of the connection as vzcontract.ErrUnavailable.
func Serve[Req, Resp any](ctx context.Context, conn net.Conn, handler func(context.Context, Req) (Resp, error), opts ...Option) error {
	return newServer(conn, newConfig(opts), func(ctx context.Context, body json.RawMessage) (any, error) {
		var request Req
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, vzcontract.Errorf(vzcontract.ErrValidation, "parse the request as %T: %w", request, err)
		}
		return handler(ctx, request)
	}).run(ctx)
}
