package network

import (
	"net"
	"net/netip"
	"slices"

	"vz.internal/vzcontract"
)

// A Request says what a container needs. It is one that has a network
// namespace of its own and is on at least one bridge.
type Request struct {
	ContainerID string
	Name        string
	// Hostname is what the container calls itself; Domainname may be empty.
	Hostname   string
	Domainname string
	// Networks has the primary one first.
	Networks []vzcontract.NetworkAttach
	Ports    []vzcontract.PortMapping
	// PublishAll publishes Exposed ("80/tcp", "8000-8010/udp") on free ports.
	PublishAll bool
	Exposed    []string
	DNS        vzcontract.DNSConfig
	ExtraHosts []string
	// Egress limits what the container may reach, on these networks and on those that
	// it joins later; nil is no limit.
	Egress *vzcontract.EgressPolicy
	// FilesDir is where hosts, hostname and resolv.conf are written; empty
	// writes none.
	FilesDir string
}

// place is a container on one network.
type place struct {
	net   *network
	lease *lease
	at    vzcontract.NetworkAttach
}

func (r *Request) check() error {
	switch {
	case r.ContainerID == "":
		return invalid("a container without id cannot join a network")
	case len(r.Networks) == 0:
		return invalid("no network is named")
	}
	for i, at := range r.Networks {
		if at.Network == HostNetwork || at.Network == NoNetwork {
			return invalid("network %s cannot be combined with others", at.Network)
		}
		if slices.ContainsFunc(r.Networks[:i], func(a vzcontract.NetworkAttach) bool { return a.Network == at.Network }) {
			return invalid("network %s is named twice", at.Network)
		}
		if err := checkAttach(at); err != nil {
			return err
		}
	}
	if r.Egress != nil && slices.ContainsFunc(r.Networks, func(at vzcontract.NetworkAttach) bool { return len(at.LinkLocal) > 0 }) {
		return invalid("a container with an egress policy has no link-local addresses")
	}
	for _, p := range r.Ports {
		if err := checkPort(p); err != nil {
			return err
		}
	}
	return checkDNS(r.DNS, r.ExtraHosts)
}

func checkAttach(at vzcontract.NetworkAttach) error {
	if at.MACAddress != "" {
		mac, err := net.ParseMAC(at.MACAddress)
		if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
			return invalid("MAC address %q is not one of a host, such as 02:42:ac:11:00:02", at.MACAddress)
		}
	}
	for _, s := range at.LinkLocal {
		if a, err := netip.ParseAddr(s); err != nil || !a.IsLinkLocalUnicast() {
			return invalid("%q is not a link-local address", s)
		}
	}
	for _, alias := range at.Aliases {
		if !validName(alias) {
			return invalid("network alias %q is not a name", alias)
		}
	}
	for key := range at.Options {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "unknown endpoint option %q", key)
	}
	return nil
}

func checkPort(p vzcontract.PortMapping) error {
	end, hostEnd := max(p.ContainerPort, p.ContainerPortEnd), max(p.HostPort, p.HostPortEnd)
	switch {
	case p.ContainerPort == 0:
		return invalid("a published port needs the container's port")
	case p.ContainerPortEnd != 0 && p.ContainerPortEnd < p.ContainerPort, p.HostPortEnd != 0 && p.HostPortEnd < p.HostPort:
		return invalid("a range of ports ends before it starts")
	case end > p.ContainerPort && p.HostPort != 0 && p.HostPortEnd != 0 && hostEnd-p.HostPort != end-p.ContainerPort:
		return invalid("the ranges %d-%d and %d-%d differ in length", p.HostPort, hostEnd, p.ContainerPort, end)
	case int(p.HostPort)+int(end-p.ContainerPort) > 65535:
		return invalid("port range from %d does not fit", p.HostPort)
	case p.Protocol != "tcp" && p.Protocol != "udp":
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "protocol %q of port %d is neither tcp nor udp", p.Protocol, p.ContainerPort)
	}
	if p.HostIP != "" {
		if _, err := netip.ParseAddr(p.HostIP); err != nil {
			return invalid("host address %q of port %d is not an IP address", p.HostIP, p.ContainerPort)
		}
	}
	return nil
}
