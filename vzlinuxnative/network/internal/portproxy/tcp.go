package portproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	dialTimeout = 10 * time.Second
	acceptPause = 50 * time.Millisecond // after an error such as too many files
)

func (p *Port) serveTCP() {
	places := places()
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
		select {
		case <-p.done:
			_ = c.Close()
			return
		case places <- struct{}{}:
		}
		p.work.Go(func() {
			defer func() { <-places }()
			p.forwardTCP(c)
		})
	}
}

// maxConnections is how many connections all ports of this process carry at once, if it
// may have the descriptors: each takes two, and four of pipes that splice(2) goes by. More
// wait to be taken. Clients must not take what the process needs to be asked anything.
const (
	maxConnections = 4096
	filesOfOne     = 6
	filesOfOthers  = 256
)

var places = sync.OnceValue(func() chan struct{} {
	var limit syscall.Rlimit
	n := maxConnections
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		n = min(n, max((int(min(limit.Cur, 1<<20))-filesOfOthers)/filesOfOne, 16))
	}
	return make(chan struct{}, n)
})

func (p *Port) forwardTCP(client *net.TCPConn) {
	if !p.track(client) {
		return
	}
	defer p.forget(client)
	server, err := p.dialFor(client)
	if err != nil {
		_ = client.SetLinger(0) // the client sees a reset, as from the kernel
		return
	}
	if !p.track(server) {
		return
	}
	defer p.forget(server)
	join(client, server.(*net.TCPConn))
}

// dialFor makes the far end for a client, unless the port is closed first.
func (p *Port) dialFor(client *net.TCPConn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-stop:
		}
	}()
	return p.dial(ctx, client)
}

func (p *Port) dialTarget(ctx context.Context, _ *net.TCPConn) (conn net.Conn, err error) {
	err = p.within(func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", p.target.Load().String())
		return err
	})
	return conn, err
}

// join copies between two connections until both directions have ended. Each
// direction is closed by itself, so a half-closed connection still works.
func join(a, b *net.TCPConn) {
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
