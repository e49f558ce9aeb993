package owner

import (
	"context"
	"io"
	"net"
	"sync"

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
			near, ok := conn.(agentproto.Conn)
			far, err := o.vm.Dial(ctx, agentproto.Port)
			if !ok || err != nil {
				_ = conn.Close()
				return
			}
			stop := context.AfterFunc(ctx, func() {
				_ = conn.Close()
				_ = far.Close()
			})
			defer stop()
			join(near, far)
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

// join copies both ways, each with an end of its own, and closes both.
func join(a, b agentproto.Conn) {
	var wait sync.WaitGroup
	one := func(to, from agentproto.Conn) {
		_, err := io.Copy(to, from)
		if err == nil {
			err = to.CloseWrite()
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
		}
	}
	wait.Go(func() { one(a, b) })
	wait.Go(func() { one(b, a) })
	wait.Wait()
	_ = a.Close()
	_ = b.Close()
}
