package vzlinux

import (
	"context"

	"vz.internal/vzlinux/agentproto"
)

// Dial connects to an address as the guest sees it. For udp see
// agentproto.ForwardRequest.
func (a *Agent) Dial(ctx context.Context, network, address string) (agentproto.Conn, error) {
	var t agentproto.Transfer
	if err := a.client.Call(ctx, agentproto.MethodForward, agentproto.ForwardRequest{Network: network, Address: address}, &t); err != nil {
		return nil, err
	}
	return a.Stream(ctx, t.Token)
}
