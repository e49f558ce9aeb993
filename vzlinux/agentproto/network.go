package agentproto

import "net/netip"

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
