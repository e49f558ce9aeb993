package vmbackend

import (
	"context"
	"io"
	"sync"
	"time"

	"vz.internal/vzcontract"
)

// A held attachment keeps the connection with its machine until it has ended or was
// closed.
type held struct {
	vzcontract.ExecSession
	release func()
}

// Wait implements vzcontract.Attachment.
func (h *held) Wait(ctx context.Context) (vzcontract.ExitStatus, error) {
	exit, err := h.ExecSession.Wait(ctx)
	if ctx.Err() == nil {
		h.release()
	}
	return exit, err
}

// Close implements vzcontract.Attachment.
func (h *held) Close() error {
	err := h.ExecSession.Close()
	h.release()
	return err
}

// hold wraps a connection's attachment, or nothing if there is none.
func (c *connection) hold(a vzcontract.Attachment) vzcontract.Attachment {
	e, ok := a.(vzcontract.ExecSession)
	if !ok {
		return a
	}
	return &held{ExecSession: e, release: c.use()}
}

// A heldStream keeps the connection until it is closed.
type heldStream struct {
	io.ReadCloser
	release func()
}

// Close implements io.Closer.
func (h *heldStream) Close() error {
	err := h.ReadCloser.Close()
	h.release()
	return err
}

// connectionIdle is how long a connection that nobody uses stays open. A machine
// whose container has stopped may end only then.
const connectionIdle = time.Second

// use keeps a connection open until what it returns is called.
func (c *connection) use() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uses++
	if c.idle != nil {
		c.idle.Stop()
	}
	return sync.OnceFunc(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.uses--; c.uses == 0 {
			c.idle = time.AfterFunc(connectionIdle, c.closeUnused)
		}
	})
}

func (c *connection) closeUnused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.uses == 0 {
		_ = c.close() // whose errors nobody would hear
	}
}
