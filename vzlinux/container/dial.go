package container

import (
	"context"
	"net"

	"vz.internal/vzlinux/agentproto"
)

// DialPort implements vzcontract.Dialer.
func (r *Runtime) DialPort(ctx context.Context, container string, port uint16) (net.Conn, error) {
	t, err := call[agentproto.Transfer](ctx, r, agentproto.MethodContainerDial, agentproto.ContainerDial{Container: named(container), Port: port})
	if err != nil {
		return nil, err
	}
	conn, err := r.agent.Stream(ctx, t.Token)
	if err != nil {
		return nil, err
	}
	return conn, nil
}
