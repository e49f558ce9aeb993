package agentproto

import (
	"net/netip"

	"vz.internal/vzcontract"
)

// A ForwardRequest connects a stream with an address as the guest sees it. The
// answer comes when the connection stands. With udp each datagram in the stream
// follows its length as a little-endian uint16.
type ForwardRequest struct {
	Network string `json:"network"` // tcp, udp or unix
	Address string `json:"address"`
}

// A NetworkRequest configures one interface of the guest.
type NetworkRequest struct {
	Interface string       `json:"interface,omitempty"` // empty is the first with hardware behind it
	DHCP      bool         `json:"dhcp,omitempty"`      // get everything below from the network
	Address   netip.Prefix `json:"address,omitzero"`
	Gateway   netip.Addr   `json:"gateway,omitzero"`
	DNS       []netip.Addr `json:"dns,omitempty"`
	Search    []string     `json:"search,omitempty"`
	MTU       int          `json:"mtu,omitempty"`
	// MAC replaces the card's own address, such as that which a restored machine's
	// card has from the saved one.
	MAC      string `json:"mac,omitempty"`
	Hostname string `json:"hostname,omitempty"`
}

// NamesPort is the vsock port of the host that a guest with [NetworkCards.Names] asks
// for names, over TCP; that for datagrams, each after its length, is the next one.
const NamesPort = 7425

// NetworkDir is the guest's directory of the files of NetworkFiles.
const NetworkDir = "/run/vz-network"

// NetworkFiles are what a container's files in /etc say, for their mounts from
// NetworkDir. They keep their inodes.
type NetworkFiles struct {
	Hosts    string `json:"hosts"`
	Hostname string `json:"hostname"`
	Resolv   string `json:"resolv"`
}

// NetworkCards makes of the guest's cards what the interfaces of its one container are,
// which has the guest's network as its own. Cards that are not listed are not seen.
type NetworkCards struct {
	Cards []vzcontract.NetworkCard `json:"cards"`
	// Hostname is the guest's, and so that of the container.
	Hostname string `json:"hostname,omitempty"`
	// Sysctls are parameters of the network, "net.ipv4.ip_forward".
	Sysctls map[string]string `json:"sysctls,omitempty"`
	// Names: who asks at 127.0.0.11 asks the host, at NamesPort.
	Names bool `json:"names,omitempty"`
}
