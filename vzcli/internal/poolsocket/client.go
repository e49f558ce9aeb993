package poolsocket

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/channel"
)

// A Client speaks with the process of one pool.
type Client struct {
	calls *channel.Client[request, response]
}

// Dial connects to a pool. One that nobody serves is vzcontract.ErrNotFound. The caller
// closes the client.
func (d Directory) Dial(ctx context.Context, pool string) (*Client, error) {
	conn, err := d.dial(ctx, pool)
	if err != nil {
		return nil, err
	}
	return &Client{calls: channel.New[request, response](conn)}, nil
}

// Close ends the connection. A sandbox that Acquire has returned stays; one that was
// on its way is removed.
func (c *Client) Close() error { return c.calls.Close() }

// Acquire returns a sandbox that is the caller's own, whatever becomes of the pool.
// Errors are those of vzsandbox.Pool.Acquire; only their class has crossed the socket.
func (c *Client) Acquire(ctx context.Context, r AcquireRequest) (Acquired, error) {
	answer, err := c.calls.Call(ctx, request{Acquire: &r})
	if err != nil {
		return Acquired{}, err
	}
	if answer.Acquired == nil {
		return Acquired{}, errStrange
	}
	_, err = c.calls.Call(ctx, request{Taken: answer.Acquired.ID})
	return *answer.Acquired, err
}

var errStrange = vzcontract.Errorf(vzcontract.ErrInternal, "the process of the pool has answered something else; it is of another release")

// Status tells what the pool has.
func (c *Client) Status(ctx context.Context) (Status, error) {
	answer, err := c.calls.Call(ctx, request{Status: true})
	if err == nil && answer.Status == nil {
		err = errStrange
	}
	if err != nil {
		return Status{}, err
	}
	return *answer.Status, nil
}

// Stop ends the pool and returns when its sandboxes are removed and its name is free.
func (c *Client) Stop(ctx context.Context) error {
	_, err := c.calls.Call(ctx, request{Stop: true})
	return err
}

// List tells of all pools of the directory. Those of killed processes are Dead.
func (d Directory) List(ctx context.Context) ([]Status, error) {
	names, err := d.Names()
	if err != nil {
		return nil, err
	}
	var all []Status
	var errs []error
	for _, name := range names {
		s, err := d.status(ctx, name)
		switch {
		case errors.Is(err, vzcontract.ErrNotFound):
			s.Name, s.Dead = name, true
		case err != nil:
			errs = append(errs, err)
			continue
		}
		all = append(all, s)
	}
	return all, errors.Join(errs...)
}

func (d Directory) status(ctx context.Context, pool string) (Status, error) {
	c, err := d.Dial(ctx, pool)
	if err != nil {
		return Status{}, err
	}
	s, err := c.Status(ctx)
	return s, errors.Join(err, c.Close())
}
