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
		if !o.called(1) {
			_ = conn.Close() // who called tries again, and finds no machine
			continue
		}
		go func() {
			defer o.called(-1)
			agentproto.Splice(ctx, conn, func(ctx context.Context) (agentproto.Conn, error) { return o.vm.Dial(ctx, agentproto.Port) })
		}()
	}
}

// called counts who speaks with the guest, and tells whether one may.
func (o *owner) called(more int) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.awake()
	if o.ending {
		return false
	}
	o.callers += more
	return true
}
