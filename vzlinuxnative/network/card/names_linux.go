package card

import (
	"net/netip"
	"os"

	"vz.internal/vzlinuxnative/network/internal/nft"
)

// Asked is where a container asks for names, on port 53.
var Asked = netip.AddrFrom4([4]byte{127, 0, 0, 11})

// Listen sends what is asked at [Asked] to listener, an address of the guest, so that
// port 53 stays the container's own.
func Listen(listener netip.AddrPort) error {
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer ns.Close()
	return nft.Container{Asked: Asked, Listener: listener}.Install(ns)
}
