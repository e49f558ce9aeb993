package agentproto

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"vz.internal/vzcontract"
)

// A Client is the host's side of one control connection. Its methods are safe for
// concurrent use.
type Client struct {
	conn  net.Conn
	agent Hello

	writeMu sync.Mutex // held while a frame is written

	mu      sync.Mutex
	next    uint64                  // guarded by mu
	waiting map[uint64]chan message // guarded by mu; capacity 1 each
	err     error                   // guarded by mu: why the connection ended

	done chan struct{}
}

// NewClient shakes hands on conn and owns it from then on, also on an error. The
// error matches [ErrRevision] if the two sides have no revision in common.
func NewClient(ctx context.Context, conn net.Conn, hello Hello) (*Client, error) {
	c := &Client{conn: conn, waiting: map[uint64]chan message{}, done: make(chan struct{})}
	err := limited(ctx, conn, handshakeTime, func() error {
		if err := sendHello(conn, hello); err != nil {
			return err
		}
		var err error
		c.agent, err = receiveHello(conn)
		return err
	})
	if err == nil {
		_, err = Negotiate(hello, c.agent)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("shake hands with the guest agent: %w", err)
	}
	go c.read()
	return c, nil
}

// Agent returns what the agent said of itself.
func (c *Client) Agent() Hello { return c.agent }

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the connection; calls under way fail.
func (c *Client) Close() error { return c.conn.Close() }

// Call sends a request and waits for its answer, which it decodes into out unless
// that is nil. When ctx ends first the request is cancelled in the guest and
// ctx's error returned. An error of the agent is an *[Error]; a lost connection
// matches vzcontract.ErrUnavailable.
func (c *Client) Call(ctx context.Context, method string, in, out any) error {
	if err := ctx.Err(); err != nil {
		return err // nothing was asked for
	}
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode %s: %w", method, err)
	}
	id, answer, err := c.register()
	if err != nil {
		return err
	}
	defer c.forget(id)
	if err := c.send(message{ID: id, Method: method, Body: body}); err != nil {
		return err
	}
	select {
	case m, ok := <-answer:
		if !ok {
			return c.lost()
		}
		if m.Error != nil {
			return m.Error
		}
		if out == nil {
			return nil
		}
		if err := json.Unmarshal(m.Body, out); err != nil {
			return vzcontract.Errorf(vzcontract.ErrInternal, "parse the agent's answer to %s: %v", method, err)
		}
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), c.send(message{ID: id, Cancel: true}))
	}
}

func (c *Client) register() (uint64, chan message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return 0, nil, c.lostLocked()
	}
	c.next++
	answer := make(chan message, 1)
	c.waiting[c.next] = answer
	return c.next, answer, nil
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *Client) send(m message) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if err := WriteFrame(c.conn, payload); errors.Is(err, ErrFrameTooLong) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "send %s: %w", m.Method, err)
	} else if err != nil {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "send to the guest agent: %w", err)
	}
	return nil
}

func (c *Client) read() {
	err := c.dispatch()
	_ = c.conn.Close()
	c.mu.Lock()
	waiting := c.waiting
	c.waiting, c.err = nil, err
	c.mu.Unlock()
	for _, answer := range waiting {
		close(answer)
	}
	close(c.done)
}

// dispatch hands answers to their callers. An answer that nobody waits for belongs
// to a cancelled call and is dropped.
func (c *Client) dispatch() error {
	for {
		payload, err := ReadFrame(c.conn, MaxFrame)
		if err != nil {
			return err
		}
		m, err := parseMessage(payload)
		if err != nil {
			return err
		}
		if m.Method != "" || m.Cancel {
			return fmt.Errorf("message %d is no answer", m.ID)
		}
		c.mu.Lock()
		answer := c.waiting[m.ID]
		delete(c.waiting, m.ID)
		c.mu.Unlock()
		if answer != nil {
			answer <- m
		}
	}
}

func (c *Client) lost() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lostLocked()
}

// c.mu must be held.
func (c *Client) lostLocked() error {
	if errors.Is(c.err, io.EOF) || errors.Is(c.err, net.ErrClosed) {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "the connection to the guest agent has ended")
	}
	return vzcontract.Errorf(vzcontract.ErrUnavailable, "the connection to the guest agent broke: %w", c.err)
}
