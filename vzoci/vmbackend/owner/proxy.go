package owner

import (
	"context"
	"net"

	"vz.internal/vzlinux/agentproto"
)

// proxy makes each connection of l one with the agent's port in the guest.
func (o *owner) proxy(ctx context.Context, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		o.called(1)
		go func() {
			defer o.called(-1)
			agentproto.Splice(ctx, conn, func(ctx context.Context) (agentproto.Conn, error) { return o.vm.Dial(ctx, agentproto.Port) })
		}()
	}
}

// called counts who speaks with the guest.
func (o *owner) called(more int) {
	o.mu.Lock()
	o.callers += more
	o.mu.Unlock()
	o.awake()
}
