package cards

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/vsock"
	"vz.internal/vzlinuxnative/network/card"
)

// tries is how often a port that is free for UDP may be taken for TCP.
const tries = 20

// listen takes a port of the container's name server's address, and has the kernel send
// there what is asked.
func listen() (udp net.PacketConn, tcp net.Listener, err error) {
	for range tries {
		if udp, err = net.ListenPacket("udp4", netip.AddrPortFrom(card.Asked, 0).String()); err != nil {
			return nil, nil, err
		}
		if tcp, err = net.Listen("tcp4", udp.LocalAddr().String()); err == nil {
			break
		}
		err = errors.Join(err, udp.Close())
	}
	if err != nil {
		return nil, nil, err
	}
	if err := card.Listen(udp.LocalAddr().(*net.UDPAddr).AddrPort()); err != nil {
		return nil, nil, errors.Join(err, udp.Close(), tcp.Close())
	}
	return udp, tcp, nil
}

func dialHost(ctx context.Context, port uint32) (agentproto.Conn, error) {
	c, err := vsock.Dial(ctx, vsock.Host, port)
	if err != nil {
		return nil, err
	}
	return c, nil
}
