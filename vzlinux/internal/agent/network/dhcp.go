package network

import (
	"errors"
	"net/netip"
)

// The types of DHCP messages that are used.
const (
	dhcpDiscover = 1
	dhcpOffer    = 2
	dhcpRequest  = 3
	dhcpAck      = 5
	dhcpNak      = 6
)

const dhcpMagic = "\x63\x82\x53\x63"

// A dhcpMessage is what of a server's answer counts.
type dhcpMessage struct {
	kind    byte
	id      [4]byte
	yours   netip.Addr
	options map[byte][]byte
}

var errNotDHCP = errors.New("not a DHCP answer")

// parseDHCP reads a server's answer.
func parseDHCP(b []byte) (dhcpMessage, error) {
	if len(b) < 240 || b[0] != 2 || string(b[236:240]) != dhcpMagic {
		return dhcpMessage{}, errNotDHCP
	}
	m := dhcpMessage{id: [4]byte(b[4:8]), yours: netip.AddrFrom4([4]byte(b[16:20])), options: map[byte][]byte{}}
	for b = b[240:]; len(b) > 0 && b[0] != 255; {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return dhcpMessage{}, errNotDHCP
		}
		m.options[b[0]] = b[2 : 2+int(b[1])]
		b = b[2+int(b[1]):]
	}
	kind := m.options[53]
	if len(kind) != 1 {
		return dhcpMessage{}, errNotDHCP
	}
	m.kind = kind[0]
	return m, nil
}
