package inspect

import (
	"fmt"
	"net"
	"strconv"

	"vz.internal/vzcontract"
)

// NetworkSettings is how a container is connected. The fields that stand for
// one network are those of the default network, as in docker.
type NetworkSettings struct {
	Ports               map[string][]PortBinding
	SandboxKey          string
	Gateway             string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	MacAddress          string
	Networks            map[string]Endpoint

	// What vz has none of.
	Bridge, EndpointID, SandboxID, LinkLocalIPv6Address string
	HairpinMode                                         bool
	LinkLocalIPv6PrefixLen                              int
	SecondaryIPAddresses, SecondaryIPv6Addresses        []struct{}
}

// Endpoint is a container's place on one network.
type Endpoint struct {
	// IPAMConfig is what was asked for; nil is nothing.
	IPAMConfig          *EndpointIPAM
	Aliases             []string
	MacAddress          string
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	DNSNames            []string
	DriverOpts          map[string]string
	Links               []string // there are none
}

// EndpointIPAM are the addresses that were asked for.
type EndpointIPAM struct {
	IPv4Address  string   `json:",omitempty"`
	IPv6Address  string   `json:",omitempty"`
	LinkLocalIPs []string `json:",omitempty"`
}

// asked finds the addresses that the settings want on a network.
func asked(c vzcontract.ContainerInfo, network string) *EndpointIPAM {
	for _, at := range c.Config.Networks {
		if at.Network == network && (at.IPv4 != "" || at.IPv6 != "" || len(at.LinkLocal) > 0) {
			return &EndpointIPAM{IPv4Address: at.IPv4, IPv6Address: at.IPv6, LinkLocalIPs: at.LinkLocal}
		}
	}
	return nil
}

func networkSettings(c vzcontract.ContainerInfo) NetworkSettings {
	d := NetworkSettings{Ports: map[string][]PortBinding{}, Networks: map[string]Endpoint{}}
	if c.PID > 0 {
		d.SandboxKey = fmt.Sprintf("/proc/%d/ns/net", c.PID)
	}
	if c.PID > 0 {
		for _, e := range c.Exposed {
			d.Ports[e] = nil
		}
	}
	for _, p := range c.Ports {
		name := portName(p)
		if p.HostPort == 0 {
			d.Ports[name] = append(d.Ports[name], []PortBinding{}...)
			continue
		}
		d.Ports[name] = append(d.Ports[name], PortBinding{or(p.HostIP, "0.0.0.0"), strconv.Itoa(int(p.HostPort))})
	}
	for i, n := range c.Networks {
		d.Networks[n.Network] = Endpoint{
			IPAMConfig: asked(c, n.Network),
			Aliases:    n.Aliases, MacAddress: n.MACAddress, NetworkID: n.NetworkID, Gateway: n.Gateway4, IPAddress: n.IPv4,
			IPPrefixLen: n.IPv4Prefix, IPv6Gateway: n.Gateway6, GlobalIPv6Address: n.IPv6, GlobalIPv6PrefixLen: n.IPv6Prefix,
			DNSNames: append([]string{c.Name, c.ID[:min(12, len(c.ID))]}, n.Aliases...),
		}
		if i == 0 {
			d.Gateway, d.IPAddress, d.IPPrefixLen, d.MacAddress = n.Gateway4, n.IPv4, n.IPv4Prefix, n.MACAddress
			d.IPv6Gateway, d.GlobalIPv6Address, d.GlobalIPv6PrefixLen = n.Gateway6, n.IPv6, n.IPv6Prefix
		}
	}
	return d
}

func portName(p vzcontract.PublishedPort) string {
	return strconv.Itoa(int(p.ContainerPort)) + "/" + p.Protocol
}

func bindings(ports []vzcontract.PortMapping) map[string][]PortBinding {
	all := map[string][]PortBinding{}
	for _, p := range ports {
		name := strconv.Itoa(int(p.ContainerPort)) + "/" + p.Protocol
		host := ""
		if p.HostPort != 0 {
			host = strconv.Itoa(int(p.HostPort))
		}
		if p.HostPortEnd > p.HostPort {
			host += "-" + strconv.Itoa(int(p.HostPortEnd))
		}
		all[name] = append(all[name], PortBinding{p.HostIP, host})
	}
	return all
}

// Network is docker's document of a network.
type Network struct {
	Name       string
	ID         string `json:"Id"`
	Created    string
	Scope      string
	Driver     string
	EnableIPv4 bool
	EnableIPv6 bool
	IPAM       IPAM
	Internal   bool
	Attachable bool
	Ingress    bool
	ConfigFrom struct{ Network string }
	ConfigOnly bool
	Containers map[string]NetworkContainer
	Options    map[string]string
	Labels     map[string]string
	// Interface is vz's own: the host's bridge.
	Interface string `json:",omitempty"`
}

// IPAM is how addresses are given.
type IPAM struct {
	Driver  string
	Options map[string]string
	Config  []Subnet
}

// Subnet is one range of addresses.
type Subnet struct {
	Subnet  string
	IPRange string `json:",omitempty"`
	Gateway string `json:",omitempty"`
}

// NetworkContainer is a container's place on the network.
type NetworkContainer struct {
	Name        string
	EndpointID  string
	MacAddress  string
	IPv4Address string
	IPv6Address string
}

// OfNetwork words n; names gives the names of container ids.
func OfNetwork(n vzcontract.NetworkInfo, names map[string]string) Network {
	d := Network{
		Name: n.Name, ID: n.ID, Created: stamp(n.CreatedAt), Scope: "local", Driver: or(n.Driver, "bridge"), EnableIPv4: true,
		EnableIPv6: n.IPv6, Internal: n.Internal, IPAM: IPAM{Driver: "default", Config: []Subnet{}},
		Containers: map[string]NetworkContainer{}, Options: orEmptyMap(n.Options), Labels: orEmptyMap(n.Labels), Interface: n.Interface,
	}
	for i, s := range n.Subnets {
		sub := Subnet{Subnet: s}
		if i < len(n.Gateways) {
			sub.Gateway = n.Gateways[i]
		}
		if i < len(n.Ranges) {
			sub.IPRange = n.Ranges[i]
		}
		d.IPAM.Config = append(d.IPAM.Config, sub)
	}
	for id, e := range n.Containers {
		d.Containers[id] = NetworkContainer{
			Name: names[id], MacAddress: e.MACAddress, IPv4Address: cidr(e.IPv4, e.IPv4Prefix), IPv6Address: cidr(e.IPv6, e.IPv6Prefix),
		}
	}
	return d
}

func cidr(ip string, prefix int) string {
	if net.ParseIP(ip) == nil {
		return ""
	}
	return ip + "/" + strconv.Itoa(prefix)
}
