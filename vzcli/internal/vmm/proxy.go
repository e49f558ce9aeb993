package vmm

import (
	"context"
	"io"
	"net"
	"sync"

	"vz.internal/vzlinux/agentproto"
)

// proxy makes each connection of l one with the agent's port in the guest.
func (m *machine) proxy(ctx context.Context, l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			guest, err := m.vm.Dial(ctx, agentproto.Port)
			if err != nil {
				_ = conn.Close()
				return
			}
			stop := context.AfterFunc(ctx, func() {
				_ = conn.Close()
				_ = guest.Close()
			})
			defer stop()
			join(conn.(*net.UnixConn), guest)
		}()
	}
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
