package vmm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// The requests of the control socket.
const (
	methodState  = "vm.state"
	methodStop   = "vm.stop"
	methodSave   = "vm.save"
	methodPause  = "vm.pause"
	methodResume = "vm.resume"
	methodMemory = "vm.memory"
)

// A Status is what a machine is at the moment.
type Status struct {
	State       string `json:"state"`
	Accelerator string `json:"accelerator"`
	Agent       bool   `json:"agent"` // it answers
}

// A StopRequest ends the machine: by its guest, or at once.
type StopRequest struct {
	Force bool `json:"force,omitempty"`
}

// A SaveRequest saves the machine to a directory that does not exist.
type SaveRequest struct {
	Dir   string `json:"dir"`
	Pause bool   `json:"pause,omitempty"` // and leaves it paused
}

// A MemoryRequest limits what the guest uses.
type MemoryRequest struct {
	Bytes uint64 `json:"bytes"`
}

var hello = agentproto.Hello{MinRevision: 1, MaxRevision: 1, Version: vzlinux.Version}

func decode(body json.RawMessage, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return vzcontract.Errorf(vzcontract.ErrValidation, "parse the request: %v", err)
	}
	return nil
}

// A Client controls a machine that runs.
type Client struct{ client *agentproto.Client }

// Dial connects with the process that runs a machine, at its control socket.
func Dial(ctx context.Context, socket string) (*Client, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the virtual machine does not run: %w", err)
	}
	c, err := agentproto.NewClient(ctx, conn, hello)
	if err != nil {
		return nil, fmt.Errorf("control the virtual machine: %w", err)
	}
	return &Client{client: c}, nil
}

// Close ends the connection.
func (c *Client) Close() error { return c.client.Close() }

// Done is closed when the process that runs the machine has ended.
func (c *Client) Done() <-chan struct{} { return c.client.Done() }

// Status asks what the machine is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.client.Call(ctx, methodState, struct{}{}, &s)
}

// Stop ends the machine; it returns before that has happened unless it is forced.
func (c *Client) Stop(ctx context.Context, force bool) error {
	err := c.client.Call(ctx, methodStop, StopRequest{Force: force}, nil)
	if force && errors.Is(err, vzcontract.ErrUnavailable) {
		return nil // it has ended before it could answer
	}
	return err
}

// Save saves the machine.
func (c *Client) Save(ctx context.Context, req SaveRequest) error {
	return c.client.Call(ctx, methodSave, req, nil)
}

// Pause freezes the machine.
func (c *Client) Pause(ctx context.Context) error {
	return c.client.Call(ctx, methodPause, struct{}{}, nil)
}

// Resume lets the machine go on.
func (c *Client) Resume(ctx context.Context) error {
	return c.client.Call(ctx, methodResume, struct{}{}, nil)
}

// SetMemory limits what the guest uses.
func (c *Client) SetMemory(ctx context.Context, bytes uint64) error {
	return c.client.Call(ctx, methodMemory, MemoryRequest{Bytes: bytes}, nil)
}

// DialAgent connects with the agent of a machine, behind its agent socket.
func DialAgent(ctx context.Context, socket string) (*vzlinux.Agent, error) {
	return vzlinux.Connect(ctx, func(ctx context.Context, _ uint32) (agentproto.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", socket)
		if err != nil {
			return nil, err
		}
		return conn.(*net.UnixConn), nil
	})
}
