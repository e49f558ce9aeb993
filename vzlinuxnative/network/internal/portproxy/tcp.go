package portproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	acceptPause = 50 * time.Millisecond // after an error such as too many files
)

func (p *Port) serveTCP() {
	for {
		c, err := p.tcp.AcceptTCP()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			select {
			case <-p.done:
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		p.work.Go(func() { p.forwardTCP(c, *p.target.Load()) })
	}
}

func (p *Port) forwardTCP(client *net.TCPConn, target netip.AddrPort) {
	if !p.track(client) {
		return
	}
	defer p.forget(client)
	server, err := Dial(p.done, "tcp", target)
	if err != nil {
		_ = client.SetLinger(0) // the client sees a reset, as from the kernel
		return
	}
	if !p.track(server) {
		return
	}
	defer p.forget(server)
	Join(client, server.(*net.TCPConn))
}

// Dial connects to target unless done is closed first.
func Dial(done <-chan struct{}, network string, target netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-done:
			cancel()
		case <-stop:
		}
	}()
	return new(net.Dialer).DialContext(ctx, network, target.String())
}

// Join copies between two connections until both directions have ended. Each
// direction is closed by itself, so a half-closed connection still works.
func Join(a, b *net.TCPConn) {
	var both sync.WaitGroup
	one := func(to, from *net.TCPConn) {
		if _, err := io.Copy(to, from); err != nil {
			_ = to.SetLinger(0)
			_ = to.Close()
			_ = from.Close()
			return
		}
		_ = to.CloseWrite()
	}
	both.Go(func() { one(a, b) })
	one(b, a)
	both.Wait()
}
