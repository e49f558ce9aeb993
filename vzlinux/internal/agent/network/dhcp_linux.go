package network

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// acquire gets a lease for the interface: discover, offer, request, acknowledge,
// each asked again after longer and longer times until ctx ends.
func acquire(ctx context.Context, name string) (agentproto.NetworkRequest, error) {
	iface, err := net.InterfaceByName(name)
	if err != nil {
		return agentproto.NetworkRequest{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := broadcastSocket(ctx, name)
	if err != nil {
		return agentproto.NetworkRequest{}, fmt.Errorf("dhcp on %s: %w", name, err)
	}
	defer conn.Close()
	c := dhcpClient{conn: conn, mac: iface.HardwareAddr}
	_, _ = rand.Read(c.id[:])
	offer, err := c.ask(ctx, dhcpDiscover, dhcpOffer, nil)
	if err != nil {
		return agentproto.NetworkRequest{}, err
	}
	ack, err := c.ask(ctx, dhcpRequest, dhcpAck, &offer)
	if err != nil {
		return agentproto.NetworkRequest{}, err
	}
	return ack.config(name)
}

// broadcastSocket may send from an interface that has no address yet.
func broadcastSocket(ctx context.Context, name string) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var fail error
		err := raw.Control(func(fd uintptr) {
			fail = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.BindToDevice(int(fd), name))
		})
		return errors.Join(err, fail)
	}}
	conn, err := lc.ListenPacket(ctx, "udp4", ":68")
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

type dhcpClient struct {
	conn *net.UDPConn
	mac  net.HardwareAddr
	id   [4]byte
}

// ask sends a message until the answer of the wanted type arrives.
func (c *dhcpClient) ask(ctx context.Context, send, want byte, offer *dhcpMessage) (dhcpMessage, error) {
	request := c.message(send, offer)
	buf := make([]byte, 1500)
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 4*time.Second) {
		if err := ctx.Err(); err != nil {
			return dhcpMessage{}, vzcontract.Errorf(vzcontract.ErrTimeout, "dhcp: no server answers: %w", err)
		}
		if _, err := c.conn.WriteToUDP(request, &net.UDPAddr{IP: net.IPv4bcast, Port: 67}); err != nil {
			return dhcpMessage{}, fmt.Errorf("dhcp: %w", err)
		}
		end := time.Now().Add(wait)
		if limit, ok := ctx.Deadline(); ok && limit.Before(end) {
			end = limit
		}
		_ = c.conn.SetReadDeadline(end)
		for {
			n, err := c.conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return dhcpMessage{}, fmt.Errorf("dhcp: %w", err)
			}
			m, err := parseDHCP(bytes.Clone(buf[:n]))
			switch {
			case err != nil || m.id != c.id:
			case m.kind == want:
				return m, nil
			case m.kind == dhcpNak && want == dhcpAck:
				return m, vzcontract.Errorf(vzcontract.ErrConflict, "dhcp: the server refused the address %s", offer.yours)
			}
		}
	}
}

func (c *dhcpClient) message(kind byte, offer *dhcpMessage) []byte {
	m := make([]byte, 240, 300)
	m[0], m[1], m[2] = 1, 1, 6 // a request over Ethernet
	copy(m[4:], c.id[:])
	binary.BigEndian.PutUint16(m[10:], 0x8000) // answer by broadcast
	copy(m[28:34], c.mac)
	copy(m[236:], dhcpMagic)
	m = append(m, 53, 1, kind)
	if offer != nil {
		yours := offer.yours.As4()
		m = append(m, 50, 4)
		m = append(m, yours[:]...)
		if server := offer.options[54]; len(server) == 4 {
			m = append(m, 54, 4)
			m = append(m, server...)
		}
	}
	m = append(m, 55, 5, 1, 3, 6, 15, 26, 255) // wanted: mask, router, DNS, domain, MTU
	return append(m, make([]byte, max(0, 300-len(m)))...)
}

func (m dhcpMessage) config(name string) (agentproto.NetworkRequest, error) {
	out := agentproto.NetworkRequest{Interface: name}
	mask := m.options[1]
	if len(mask) != 4 {
		return out, vzcontract.Errorf(vzcontract.ErrValidation, "dhcp: the answer has no mask")
	}
	bits, _ := net.IPMask(mask).Size()
	out.Address = netip.PrefixFrom(m.yours, bits)
	if router := m.options[3]; len(router) >= 4 {
		out.Gateway = netip.AddrFrom4([4]byte(router[:4]))
	}
	for dns := m.options[6]; len(dns) >= 4; dns = dns[4:] {
		out.DNS = append(out.DNS, netip.AddrFrom4([4]byte(dns[:4])))
	}
	return out, nil
}
