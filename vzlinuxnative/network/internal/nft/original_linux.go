package nft

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// OriginalTarget is where a redirected connection was meant to go.
func OriginalTarget(c *net.TCPConn) (netip.AddrPort, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	const soOriginalDst = 80
	var sockaddr *unix.IPv6Mreq // its 20 bytes hold a sockaddr_in
	var optErr error
	if err := raw.Control(func(fd uintptr) { sockaddr, optErr = unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, soOriginalDst) }); err != nil {
		return netip.AddrPort{}, err
	}
	if optErr != nil {
		return netip.AddrPort{}, fmt.Errorf("original destination: %w", optErr)
	}
	b := sockaddr.Multiaddr
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[4:8])), uint16(b[2])<<8|uint16(b[3])), nil
}
