package cards

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinuxnative/network/card"
)

// relayTime is how long the far end of a connection may take to answer.
const relayTime = 2 * time.Minute

// relayConnections listens, at a port of loopback that it returns, for connections that
// the kernel sends there, and has the host make them.
func relayConnections() (port uint16, err error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go agentproto.Splice(context.Background(), conn, func(ctx context.Context) (agentproto.Conn, error) {
				return connect(ctx, conn.(*net.TCPConn))
			})
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort().Port(), nil
}

// connect makes the connection that the container wanted.
func connect(ctx context.Context, from *net.TCPConn) (agentproto.Conn, error) {
	target, err := card.OriginalTarget(from)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	host, err := dialHost(ctx, agentproto.RelayPort)
	if err != nil {
		return nil, err
	}
	answer := make([]byte, 1)
	err = host.SetDeadline(time.Now().Add(relayTime))
	if err == nil {
		_, err = io.WriteString(host, target.String()+"\n")
	}
	if err == nil {
		_, err = io.ReadFull(host, answer)
	}
	if err == nil && answer[0] == agentproto.RelayConnected {
		return host, host.SetDeadline(time.Time{})
	}
	err = errors.Join(err, host.Close())
	if err != nil || answer[0] != agentproto.RelayDirect {
		return nil, fmt.Errorf("connect with %s: %w", target, errors.Join(err, unix.ECONNREFUSED))
	}
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		controlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, card.PassMark) })
		return errors.Join(controlErr, err)
	}}
	direct, err := dialer.DialContext(ctx, "tcp4", target.String())
	if err != nil {
		return nil, err
	}
	return direct.(*net.TCPConn), nil
}
