//go:build linux || darwin

package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// maxLine is the longest message that is taken of QEMU.
const maxLine = 4 << 20

// An Error is QEMU's refusal of a command.
type Error struct {
	Command string `json:"-"`
	Class   string `json:"class"`
	Desc    string `json:"desc"`
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("qemu: %s: %s", e.Command, e.Desc) }

// An Event is something that QEMU tells unasked.
type Event struct {
	Name string          `json:"event"`
	Data json.RawMessage `json:"data"`
}

// A Client is one connection with QEMU. Methods are safe for concurrent use.
type Client struct {
	conn *net.UnixConn

	writeMu sync.Mutex

	mu      sync.Mutex
	next    uint64                  // guarded by mu
	waiting map[uint64]chan answer  // guarded by mu; nil after the end
	watches map[chan<- Event]string // guarded by mu: the wanted name
	err     error                   // guarded by mu
	done    chan struct{}
}

type answer struct {
	Return json.RawMessage `json:"return"`
	Error  *Error          `json:"error"`
}

type message struct {
	ID *uint64 `json:"id"`
	answer
	Event
	Greeting json.RawMessage `json:"QMP"`
}

// New takes over conn and gets QEMU ready for commands.
func New(ctx context.Context, conn *net.UnixConn) (*Client, error) {
	c := &Client{conn: conn, waiting: map[uint64]chan answer{}, watches: map[chan<- Event]string{}, done: make(chan struct{})}
	go c.read()
	if err := c.Do(ctx, "qmp_capabilities", nil, nil); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the connection; QEMU goes on.
func (c *Client) Close() error { return c.conn.Close() }

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Do executes a command and decodes its result into out unless that is nil. files
// are passed along. A refusal is an *[Error].
func (c *Client) Do(ctx context.Context, command string, arguments, out any, files ...*os.File) error {
	id, reply, err := c.register()
	if err != nil {
		return err
	}
	defer c.forget(id)
	if err := c.send(map[string]any{"execute": command, "id": id, "arguments": arguments}, files); err != nil {
		return fmt.Errorf("qemu: %s: %w", command, err)
	}
	select {
	case a, ok := <-reply:
		switch {
		case !ok:
			return c.lost()
		case a.Error != nil:
			a.Error.Command = command
			return a.Error
		case out != nil:
			return json.Unmarshal(a.Return, out)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("qemu: %s: %w", command, ctx.Err())
	}
}

// Watch returns a channel that gets the events called name until stop is called.
// Events that nobody takes are dropped when 16 of them wait.
func (c *Client) Watch(name string) (events <-chan Event, stop func()) {
	ch := make(chan Event, 16)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watches[ch] = name
	return ch, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.watches, ch)
	}
}

func (c *Client) register() (uint64, chan answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		return 0, nil, c.err
	}
	c.next++
	reply := make(chan answer, 1)
	c.waiting[c.next] = reply
	return c.next, reply, nil
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

func (c *Client) lost() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *Client) send(m map[string]any, files []*os.File) error {
	if m["arguments"] == nil {
		delete(m, "arguments")
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = syscall.UnixRights(fds...)
	}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	_, _, err = c.conn.WriteMsgUnix(append(text, '\n'), rights, nil)
	return err
}

func (c *Client) read() {
	lines := bufio.NewScanner(c.conn)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	var err error
	for err == nil && lines.Scan() {
		err = c.take(lines.Bytes())
	}
	if err == nil {
		err = lines.Err()
	}
	if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) {
		err = io.ErrUnexpectedEOF
	}
	_ = c.conn.Close()
	c.mu.Lock()
	waiting := c.waiting
	c.waiting, c.err = nil, fmt.Errorf("qemu: the connection has ended: %w", err)
	c.mu.Unlock()
	for _, reply := range waiting {
		close(reply)
	}
	close(c.done)
}

func (c *Client) take(line []byte) error {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("parse %.100q: %w", line, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case m.Event.Name != "":
		for ch, name := range c.watches {
			if name == m.Event.Name {
				select {
				case ch <- m.Event:
				default:
				}
			}
		}
	case m.ID != nil:
		if reply := c.waiting[*m.ID]; reply != nil {
			delete(c.waiting, *m.ID)
			reply <- m.answer
		}
	}
	return nil
}
