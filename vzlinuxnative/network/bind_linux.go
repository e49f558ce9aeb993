package network

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/portproxy"
)

// A published port is held by its sockets, one of each address family.
type published struct {
	port      *portproxy.Port
	container uint16
}

// bindAll takes the host ports of a request; on an error none is taken.
func (m *Manager) bindAll(r *Request) (list []published, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closePorts(list))
			list = nil
		}
	}()
	mappings := r.Ports
	if r.PublishAll {
		exposed, err := exposedPorts(r.Exposed, mappings)
		if err != nil {
			return nil, err
		}
		mappings = append(mappings[:len(mappings):len(mappings)], exposed...)
	}
	for _, p := range mappings {
		for i := range max(p.ContainerPort, p.ContainerPortEnd) - p.ContainerPort + 1 {
			first, last := p.HostPort, max(p.HostPort, p.HostPortEnd)
			if p.ContainerPortEnd > p.ContainerPort && first != 0 {
				first += i
				last = first
			}
			got, err := m.bindRange(p, first, last)
			for _, port := range got {
				port.Within(m.inside)
				list = append(list, published{port: port, container: p.ContainerPort + i})
			}
			if err != nil {
				return list, err
			}
		}
	}
	return list, nil
}

// bindRange takes the first free one of a range of host ports.
func (m *Manager) bindRange(p vzcontract.PortMapping, first, last uint16) ([]*portproxy.Port, error) {
	addresses, err := m.hostAddresses(p.HostIP)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		got, err := bindOn(p.Protocol, addresses, first)
		switch {
		case err == nil:
			return got, nil
		case vzcontract.CodeOf(err) != vzcontract.CodeConflict:
			return nil, err
		case first == 0 && try < 20: // free for IPv4 and taken for IPv6
		case first != 0 && first < last:
			first++
		default:
			return nil, err
		}
	}
}

// bindOn takes one port number on all addresses, or none.
func bindOn(protocol string, addresses []netip.Addr, number uint16) ([]*portproxy.Port, error) {
	var got []*portproxy.Port
	for i, a := range addresses {
		p, err := portproxy.Bind(protocol, netip.AddrPortFrom(a, number))
		if i > 0 && vzcontract.CodeOf(err) == vzcontract.CodeUnsupported {
			continue // no IPv6: every address is every IPv4 one
		}
		if err != nil {
			for _, p := range got {
				err = errors.Join(err, p.Close())
			}
			return nil, err
		}
		got, number = append(got, p), p.Addr().Port()
	}
	return got, nil
}

func (m *Manager) hostAddresses(ip string) ([]netip.Addr, error) {
	if ip == "" {
		ip = m.opts.HostIP
	}
	if ip == "" {
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}, nil
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return nil, invalid("host address %q is not an IP address", ip)
	}
	return []netip.Addr{a.Unmap()}, nil
}

// exposedPorts turns "80/tcp" and "8000-8010" into mappings to free ports,
// without those that are published already.
func exposedPorts(exposed []string, have []vzcontract.PortMapping) ([]vzcontract.PortMapping, error) {
	var list []vzcontract.PortMapping
	seen := map[string]bool{}
	for _, p := range have {
		for port := int(p.ContainerPort); port <= int(max(p.ContainerPort, p.ContainerPortEnd)); port++ {
			seen[strconv.Itoa(port)+"/"+p.Protocol] = true
		}
	}
	for _, e := range exposed {
		ports, protocol, ok := strings.Cut(e, "/")
		if !ok {
			protocol = "tcp"
		}
		first, last, isRange := strings.Cut(ports, "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || a == 0 || b < a {
			return nil, invalid("exposed port %q is not a port such as 80/tcp", e)
		}
		for port := a; port <= b; port++ {
			key := strconv.FormatUint(port, 10) + "/" + protocol
			if seen[key] {
				continue
			}
			seen[key] = true
			mapping := vzcontract.PortMapping{ContainerPort: uint16(port), Protocol: protocol}
			if err := checkPort(mapping); err != nil {
				return nil, err
			}
			list = append(list, mapping)
		}
	}
	return list, nil
}

func closePorts(list []published) error {
	var err error
	for _, p := range list {
		err = errors.Join(err, p.port.Close())
	}
	return err
}
