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

// relayNames listens, at an address that it returns, where the kernel sends questions
// for names, and has the host answer them.
func relayNames() (at netip.AddrPort, err error) {
	var udp net.PacketConn
	var tcp net.Listener
	for range tries {
		if udp, err = net.ListenPacket("udp4", netip.AddrPortFrom(card.Asked, 0).String()); err != nil {
			return at, err
		}
		if tcp, err = net.Listen("tcp4", udp.LocalAddr().String()); err == nil {
			break
		}
		err = errors.Join(err, udp.Close())
	}
	if err != nil {
		return at, err
	}
	ctx := context.Background()
	go agentproto.RelayDatagrams(ctx, udp, func(ctx context.Context) (agentproto.Conn, error) { return dialHost(ctx, agentproto.NamesPort+1) })
	go agentproto.Forward(ctx, tcp, func(ctx context.Context) (agentproto.Conn, error) { return dialHost(ctx, agentproto.NamesPort) })
	return udp.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

func dialHost(ctx context.Context, port uint32) (agentproto.Conn, error) {
	c, err := vsock.Dial(ctx, vsock.Host, port)
	if err != nil {
		return nil, err
	}
	return c, nil
}
