package guest

import (
	"context"
	"errors"
	"fmt"
	"net"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// The requests to the process that runs a machine.
const (
	MethodRefresh    = "guest.refresh"    // Of, State: as it is now
	MethodPublish    = "guest.publish"    // Of, none: the record's networks and ports, before the container starts
	MethodWithdraw   = "guest.withdraw"   // Of, none: what was published, of a container that did not start
	MethodConnect    = "guest.connect"    // Attach, none
	MethodDisconnect = "guest.disconnect" // Attach, of which the network counts, none
	MethodMount      = "guest.mount"      // Mount, none
	MethodUnmount    = "guest.unmount"    // Mount, none
	MethodTraffic    = "guest.traffic"    // Of, []vzcontract.NetStats: of the container on the host's networks
	MethodGone       = "guest.gone"       // Of, none: answered when the container's destroy event was noted
	MethodCopyDisk   = "guest.copy_disk"  // CopyDisk, none: of a machine that was made to be its fork
	MethodStop       = "guest.stop"       // Stop, none; answered when the machine has ended
	MethodAdmit      = "guest.admit"      // Of, none: what a container of a shared machine needs, before it is made
	MethodDismiss    = "guest.dismiss"    // Of, none: takes that back and removes the record
)

// An Of names a container by its record: in a machine of its own that is the machine's.
type Of struct {
	Record ID `json:"record"`
}

// An Attach names a container and its place on a network of the host.
type Attach struct {
	Of
	At vzcontract.NetworkAttach `json:"at"`
}

// A CopyDisk names a machine by its container, and another one that gets a copy of its
// disk.
type CopyDisk struct {
	Of
	To ID `json:"to"`
}

// A Stop ends a machine: by its guest, or at once.
type Stop struct {
	Force bool `json:"force,omitempty"`
}

// Hello is what both sides of a control socket say.
var Hello = agentproto.Hello{MinRevision: 1, MaxRevision: 1, Version: vzlinux.Version}

// Dial connects with the process that runs a machine. Without one it is
// vzcontract.ErrConflict.
func (s Store) Dial(ctx context.Context, id ID) (*agentproto.Client, error) {
	conn, err := dial(ctx, s.Control(id))
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the machine does not run: %w", err)
	}
	c, err := agentproto.NewClient(ctx, conn, Hello)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil || errors.Is(err, agentproto.ErrRevision):
		return nil, fmt.Errorf("control the machine: %w", err)
	}
	return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the machine ends: %w", err)
}

// DialAgent connects with the agent of a machine that runs; without one, or with one
// that ends meanwhile, it is vzcontract.ErrConflict.
func (s Store) DialAgent(ctx context.Context, id ID) (*vzlinux.Agent, error) {
	// The process that runs the machine listens as long as it lives, so there is no
	// use in trying again.
	trying, end := context.WithCancelCause(ctx)
	defer end(nil)
	agent, err := vzlinux.Connect(trying, func(ctx context.Context, _ uint32) (agentproto.Conn, error) {
		conn, err := dial(ctx, s.Agent(id))
		if err != nil && ctx.Err() == nil {
			end(vzcontract.Errorf(vzcontract.ErrConflict, "the machine does not run: %w", err))
			return nil, err
		}
		return conn, err
	})
	if cause := context.Cause(trying); err != nil && ctx.Err() == nil && cause != nil {
		return nil, cause
	}
	return agent, err
}

func dial(ctx context.Context, socket string) (*net.UnixConn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}
