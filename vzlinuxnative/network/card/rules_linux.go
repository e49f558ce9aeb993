package card

import (
	"net"
	"net/netip"
	"os"

	"vz.internal/vzlinuxnative/network/internal/nft"
)

// Asked is where a container asks for names, on port 53.
var Asked = netip.AddrFrom4([4]byte{127, 0, 0, 11})

// Rules say what the guest's kernel does with the container's packets.
type Rules struct {
	// Listener, an address of the guest, gets what is asked at [Asked], so that port
	// 53 stays the container's own.
	Listener netip.AddrPort
	// Relay is the port of loopback that gets all TCP connections over IPv4 but
	// those to Direct, and those with PassMark; 0 lets them be.
	Relay  uint16
	Direct []netip.Prefix
}

// PassMark is the mark of packets that Relay does not get.
const PassMark = nft.PassMark

// Install makes the rules instead of those that it made before.
func (r Rules) Install() error {
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer ns.Close()
	return nft.Container{Asked: Asked, Listener: r.Listener, Relay: r.Relay, Direct: r.Direct}.Install(ns)
}

// OriginalTarget is where a connection that Relay got was meant to go.
func OriginalTarget(c *net.TCPConn) (netip.AddrPort, error) { return nft.OriginalTarget(c) }
