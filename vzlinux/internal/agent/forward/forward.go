// Package forward carries a stream from the host on to an address that the guest
// can reach: tcp and unix as they are, udp in frames.
package forward

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// dialTime is how long an address may take to answer.
const dialTime = 30 * time.Second

// Dial connects to where req says, before the host's stream is opened, so that a
// refusal can be told.
func Dial(ctx context.Context, req agentproto.ForwardRequest) (net.Conn, error) {
	switch req.Network {
	case "tcp", "udp", "unix":
	default:
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "forward to a network %q: tcp, udp and unix are known", req.Network)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, req.Network, req.Address)
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnavailable, "forward: %w", err)
	}
	return conn, nil
}

// Copy carries bytes, or for udp datagrams, both ways between the host's stream
// and the guest's connection until both ways have ended, and closes both.
func Copy(host agentproto.Conn, guest net.Conn) {
	var wait sync.WaitGroup
	if _, udp := guest.(*net.UDPConn); udp {
		agentproto.CopyDatagrams(guest, host)
		return
	}
	wait.Go(func() { pipe(guest, host) })
	wait.Go(func() { pipe(host, guest) })
	wait.Wait()
	_ = host.Close()
	_ = guest.Close()
}

// pipe copies until from ends, then ends to's receiving side. An error ends both.
func pipe(to, from net.Conn) {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = half.CloseWrite()
	}
	if err != nil {
		_ = to.Close()
		_ = from.Close()
	}
}
