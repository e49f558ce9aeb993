// Package forward carries a stream from the host on to an address that the guest
// can reach: tcp and unix as they are, udp in frames.
package forward

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
		// A datagram socket has no end of its own: the host's end is its end.
		wait.Go(func() {
			_ = Datagrams(guest, host)
			_ = guest.Close()
		})
		wait.Go(func() { _ = Frames(host, guest) })
	} else {
		wait.Go(func() { pipe(guest, host) })
		wait.Go(func() { pipe(host, guest) })
	}
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

// Datagrams sends each frame of stream as one datagram.
func Datagrams(to io.Writer, stream io.Reader) error {
	buf := make([]byte, 1<<16)
	for {
		var head [2]byte
		if _, err := io.ReadFull(stream, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		datagram := buf[:binary.LittleEndian.Uint16(head[:])]
		if _, err := io.ReadFull(stream, datagram); err != nil {
			return fmt.Errorf("half a datagram: %w", err)
		}
		// A datagram that cannot be sent is lost, as datagrams are.
		if _, err := to.Write(datagram); errors.Is(err, net.ErrClosed) {
			return err
		}
	}
}

// Frames writes each datagram that arrives as a frame of stream.
func Frames(stream io.Writer, from io.Reader) error {
	buf := make([]byte, 2+1<<16)
	for {
		n, err := from.Read(buf[2:])
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			continue // an ICMP error of an earlier datagram
		}
		binary.LittleEndian.PutUint16(buf, uint16(min(n, 1<<16-1)))
		if _, err := stream.Write(buf[:2+min(n, 1<<16-1)]); err != nil {
			return err
		}
	}
}
