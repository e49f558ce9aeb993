package vmm

import (
	"context"

	"vz.internal/vzlinux/agentproto"
)

// dialAgent connects with the agent's port in the guest.
func (m *machine) dialAgent(ctx context.Context) (agentproto.Conn, error) {
	return m.vm.Dial(ctx, agentproto.Port)
}
