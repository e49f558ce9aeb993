package owner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// Bounds of what a guest may ask the host for.
const (
	maxAsked  = 1024             // connections at once, of each kind
	lineTime  = 10 * time.Second // to say where to
	relayTime = time.Minute      // for the far end to answer
)

// listen takes what the guest asks to what knows the container's networks, until the
// machine ends.
func (o *owner) listen() error {
	ctx := context.Background()
	for port, answer := range map[uint32]func(context.Context, agentproto.Conn){
		agentproto.NamesPort: o.names, agentproto.NamesPort + 1: o.nameDatagrams, agentproto.RelayPort: o.relay,
	} {
		l, err := o.vm.Listen(port)
		if err != nil {
			return fmt.Errorf("listen for the guest: %w", err)
		}
		slots := make(chan struct{}, maxAsked)
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				half, ok := conn.(agentproto.Conn)
				if !ok {
					_ = conn.Close()
					continue
				}
				slots <- struct{}{}
				go func() {
					defer func() { <-slots }()
					answer(ctx, half)
				}()
			}
		}()
	}
	return nil
}

// names carries questions over TCP.
func (o *owner) names(ctx context.Context, guest agentproto.Conn) {
	agentproto.Splice(ctx, guest, func(ctx context.Context) (agentproto.Conn, error) {
		c, err := o.net.wiring.DialNames(ctx, "tcp")
		if err != nil {
			return nil, err
		}
		return c.(*net.TCPConn), nil
	})
}

// nameDatagrams carries questions over UDP.
func (o *owner) nameDatagrams(ctx context.Context, guest agentproto.Conn) {
	c, err := o.net.wiring.DialNames(ctx, "udp")
	if err != nil {
		_ = guest.Close()
		return
	}
	agentproto.CopyDatagrams(c, guest)
}

// relay makes a connection to where the guest says.
func (o *owner) relay(ctx context.Context, guest agentproto.Conn) {
	agentproto.Splice(ctx, guest, func(ctx context.Context) (agentproto.Conn, error) {
		if err := guest.SetDeadline(time.Now().Add(lineTime)); err != nil {
			return nil, err
		}
		target, err := readTarget(guest)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, relayTime)
		defer cancel()
		if _, relays := o.net.wiring.Relays(); !relays {
			return nil, vzcontract.Errorf(vzcontract.ErrDenied, "the guest reaches the outside by itself")
		}
		conn, err := o.net.wiring.DialOut(ctx, target)
		answer := byte(agentproto.RelayConnected)
		switch {
		case errors.Is(err, vzcontract.ErrNotFound):
			answer = agentproto.RelayDirect
		case err != nil:
			answer = agentproto.RelayFailed
		}
		if told := errors.Join(guest.SetDeadline(time.Time{}), say(guest, answer)); err != nil || told != nil {
			if conn != nil {
				_ = conn.Close()
			}
			return nil, errors.Join(err, told)
		}
		return conn.(*net.TCPConn), nil
	})
}

func say(to io.Writer, answer byte) error {
	_, err := to.Write([]byte{answer})
	return err
}

// maxLine is the length of the longest "255.255.255.255:65535\n".
const maxLine = 22

// readTarget reads a line with an address and a port, and no more than it.
func readTarget(from io.Reader) (netip.AddrPort, error) {
	line := make([]byte, 0, maxLine)
	one := make([]byte, 1)
	for len(line) < maxLine {
		if _, err := io.ReadFull(from, one); err != nil {
			return netip.AddrPort{}, err
		}
		if one[0] == '\n' {
			return netip.ParseAddrPort(string(line))
		}
		line = append(line, one[0])
	}
	return netip.AddrPort{}, bufio.ErrTooLong
}
