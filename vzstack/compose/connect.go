package compose

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/plan"
)

// connections are networks, names, ports and DNS.
func (t *translator) connections(p problems, s types.ServiceConfig, out *plan.Service) {
	run := &out.Run
	run.DNS = vzcontract.DNSConfig{Servers: s.DNS, Search: s.DNSSearch, Options: s.DNSOpts}
	run.MACAddress = s.MacAddress
	for _, host := range slices.Sorted(maps.Keys(s.ExtraHosts)) {
		for _, ip := range s.ExtraHosts[host] {
			run.ExtraHosts = append(run.ExtraHosts, host+":"+strings.Trim(ip, "[]"))
		}
	}
	for _, e := range s.Expose {
		port, proto, _ := strings.Cut(e, "/")
		run.Expose = append(run.Expose, port+"/"+cmp.Or(proto, "tcp"))
	}
	t.ports(p, s, run)
	switch mode := s.NetworkMode; {
	case mode == "":
		t.attachments(p, s, run)
	case mode == "host", mode == "none", mode == "bridge":
		run.NetworkMode = mode
	case strings.HasPrefix(mode, types.ServicePrefix), strings.HasPrefix(mode, types.ContainerPrefix):
		run.NetworkMode = t.sharedWith(p, "network_mode", mode, out)
	default:
		run.NetworkMode = mode // a network made elsewhere
	}
	t.checkLinks(p, s)
	for _, link := range s.ExternalLinks {
		name, alias, ok := strings.Cut(link, ":")
		if ok && alias != name {
			p.add("external_links", "%s: a container of another project has only its own names; give it the alias %s there", link, alias)
		}
	}
}

// checkLinks refuses links whose names would mean something else to others: all
// containers on the networks of the other service see them.
func (t *translator) checkLinks(p problems, s types.ServiceConfig) {
	if len(s.Links) > 0 && s.NetworkMode == "bridge" {
		p.add("links", "%s: there are no names on the default network; leave network_mode: bridge out, and the services find each other by name", s.Links[0])
	}
	for _, link := range s.Links {
		target, alias, ok := strings.Cut(link, ":")
		if !ok || alias == target {
			continue
		}
		if _, is := t.Services[alias]; is {
			p.add("links", "%s: %s is the name of another service, and names are seen by all", link, alias)
		}
		for _, other := range t.ServiceNames() {
			if other != target && slices.Contains(t.links[other], alias) {
				p.add("links", "%s: another service has %s for %s, and names are seen by all", link, alias, other)
			}
		}
	}
}

// attachments lists the networks, the one with the default route first.
func (t *translator) attachments(p problems, s types.ServiceConfig, run *vzcontract.RunConfig) {
	keys := s.NetworksByPriority()
	settings := func(key string) types.ServiceNetworkConfig {
		if n := s.Networks[key]; n != nil {
			return *n
		}
		return types.ServiceNetworkConfig{}
	}
	slices.SortStableFunc(keys, func(a, b string) int {
		return cmp.Compare(settings(b).GatewayPriority, settings(a).GatewayPriority)
	})
	for i, key := range keys {
		n := settings(key)
		at := vzcontract.NetworkAttach{
			Network: t.Networks[key].Name, IPv4: n.Ipv4Address, IPv6: n.Ipv6Address,
			MACAddress: n.MacAddress, LinkLocal: n.LinkLocalIPs,
		}
		if len(n.DriverOpts) > 0 {
			p.add("networks."+key+".driver_opts", "no network here has options of one container's place")
		}
		if n.ServiceNameAliasEnabled() {
			at.Aliases = append(at.Aliases, s.Name)
		}
		for _, alias := range slices.Concat(n.Aliases, t.links[s.Name]) {
			if !slices.Contains(at.Aliases, alias) {
				at.Aliases = append(at.Aliases, alias)
			}
		}
		if n.InterfaceName != "" {
			p.add("networks."+key+".interface_name", "interfaces are called eth0, eth1, … in the order of priority")
		}
		if i == 0 {
			run.NetworkMode = at.Network
		}
		run.Networks = append(run.Networks, at)
	}
	if len(keys) == 0 {
		run.NetworkMode = "none"
	}
}

func (t *translator) ports(p problems, s types.ServiceConfig, run *vzcontract.RunConfig) {
	for _, port := range s.Ports {
		m := vzcontract.PortMapping{HostIP: port.HostIP, ContainerPort: uint16(port.Target), Protocol: cmp.Or(port.Protocol, "tcp")}
		if port.Target == 0 || port.Target > 65535 {
			p.add("ports", "%d is no port", port.Target)
		}
		if m.Protocol != "tcp" && m.Protocol != "udp" {
			p.add("ports", "protocol %s: known are tcp and udp", m.Protocol)
		}
		if port.Mode != "" && port.Mode != "ingress" && port.Mode != "host" {
			p.add("ports", "mode %s: known are ingress and host, which are the same on one host", port.Mode)
		}
		first, last, isRange := strings.Cut(port.Published, "-")
		var err, errLast error
		m.HostPort, err = portNumber(first)
		if isRange {
			m.HostPortEnd, errLast = portNumber(last)
		}
		if err != nil || errLast != nil || isRange && m.HostPortEnd < m.HostPort {
			p.add("ports", "published %q: want a port or a range", port.Published)
			continue
		}
		run.Ports = append(run.Ports, m)
	}
}

func portNumber(s string) (uint16, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}

// namespaces are those shared with other containers or the host.
func (t *translator) namespaces(p problems, s types.ServiceConfig, out *plan.Service) {
	share := func(key, mode string, fixed ...string) string {
		switch {
		case slices.Contains(fixed, mode):
			return mode
		case strings.HasPrefix(mode, types.ServicePrefix), strings.HasPrefix(mode, types.ContainerPrefix):
			return t.sharedWith(p, key, mode, out)
		}
		p.add(key, "%q: known are %sservice:NAME and container:NAME", mode, strings.TrimPrefix(strings.Join(fixed, ", ")+", ", ", "))
		return ""
	}
	out.Run.Namespaces.PID = share("pid", s.Pid, "", "host")
	out.Run.Namespaces.IPC = share("ipc", s.Ipc, "", "host", "none", "private", "shareable")
}

// sharedWith turns service:NAME and container:NAME into a container's name.
func (t *translator) sharedWith(p problems, key, mode string, out *plan.Service) string {
	kind, name, _ := strings.Cut(mode, ":")
	if kind == "container" {
		return mode
	}
	other, ok := t.first(name)
	switch {
	case !ok:
		p.add(key, "%s: the project has no active service %s", mode, name)
		return ""
	case name == out.Name:
		p.add(key, "%s: a service cannot share with itself", mode)
		return ""
	}
	if !slices.Contains(out.SharesWith, name) {
		out.SharesWith = append(out.SharesWith, name)
	}
	return "container:" + other
}

// first is the name of the first container of another service. One that a
// selection has left out counts too: its container may be there.
func (t *translator) first(service string) (string, bool) {
	target, ok := t.Services[service]
	if !ok && t.alone {
		target, ok = t.DisabledServices[service]
	}
	other := plan.Service{Name: service, ContainerName: target.ContainerName, Separator: t.separator}
	return other.Container(t.Name, 1), ok
}
