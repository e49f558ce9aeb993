package runflags

import (
	"net/netip"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

// ParsePort reads one value of --publish:
// [[IP:]HOST[-END]:]CONTAINER[-END][/PROTOCOL], or keys such as
// target=80,published=8080. A range becomes one mapping per port, except that
// a range of host ports for a single container port stays one.
func ParsePort(flag, s string) ([]vzcontract.PortMapping, error) {
	spec := s
	if strings.Contains(s, "=") {
		var err error
		if spec, err = portFromKeys(flag, s); err != nil {
			return nil, err
		}
	}
	spec, protocol, err := portProtocol(flag, s, spec)
	if err != nil {
		return nil, err
	}
	ip, host, container := splitPort(spec)
	if ip, err = hostIP(flag, s, ip); err != nil {
		return nil, err
	}
	first, last, ok := portRange(container)
	if !ok || first == 0 {
		return nil, bad(flag, s, "want a container port from 1 to 65535, or a range")
	}
	hostFirst, hostLast, ok := uint16(0), uint16(0), true
	if host != "" {
		hostFirst, hostLast, ok = portRange(host)
	}
	if !ok {
		return nil, bad(flag, s, "want a host port from 0 to 65535, or a range")
	}
	mapping := vzcontract.PortMapping{HostIP: ip, HostPort: hostFirst, ContainerPort: first, Protocol: protocol}
	if first == last {
		if hostLast > hostFirst {
			mapping.HostPortEnd = hostLast
		}
		return []vzcontract.PortMapping{mapping}, nil
	}
	if host != "" && host != "0" && hostLast-hostFirst != last-first {
		return nil, bad(flag, s, "the ranges %s and %s differ in length", host, container)
	}
	all := make([]vzcontract.PortMapping, 0, int(last-first)+1)
	for n := 0; n <= int(last-first); n++ {
		m := mapping
		m.ContainerPort += uint16(n)
		if hostFirst != 0 {
			m.HostPort += uint16(n)
		}
		all = append(all, m)
	}
	return all, nil
}

func portProtocol(flag, s, spec string) (rest, protocol string, err error) {
	rest, protocol, has := strings.Cut(spec, "/")
	if !has {
		return rest, "tcp", nil
	}
	switch protocol = strings.ToLower(protocol); protocol {
	case "tcp", "udp":
		return rest, protocol, nil
	case "sctp":
		return "", "", refuse(flag, s, "vz publishes tcp and udp")
	}
	return "", "", bad(flag, s, "want protocol tcp or udp, not %q", protocol)
}

// splitPort takes ip:host:container apart, an IPv6 address with or without
// brackets.
func splitPort(s string) (ip, host, container string) {
	parts := strings.Split(s, ":")
	switch n := len(parts); n {
	case 1:
		return "", "", parts[0]
	case 2:
		return "", parts[0], parts[1]
	default:
		return strings.Join(parts[:n-2], ":"), parts[n-2], parts[n-1]
	}
}

func hostIP(flag, s, ip string) (string, error) {
	if ip == "" {
		return "", nil
	}
	if inner, ok := strings.CutPrefix(ip, "["); ok {
		if ip, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", bad(flag, s, "the address lacks its closing bracket")
		}
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Zone() != "" {
		return "", bad(flag, s, "want an IP address of this host before the ports, not %q", ip)
	}
	return addr.String(), nil
}

func portRange(s string) (first, last uint16, ok bool) {
	a, b, isRange := strings.Cut(s, "-")
	first, ok = portNumber(a)
	if !isRange {
		return first, first, ok
	}
	last, ok2 := portNumber(b)
	return first, last, ok && ok2 && first != 0 && first <= last
}

func portNumber(s string) (uint16, bool) {
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil
}

// portFromKeys turns target=80,published=8080,protocol=udp into the short form.
func portFromKeys(flag, s string) (string, error) {
	keys := map[string]string{"protocol": "tcp"}
	for _, field := range strings.Split(s, ",") {
		key, value, ok := strings.Cut(field, "=")
		switch key {
		case "target", "published", "protocol", "host_ip", "mode":
		default:
			ok = false
		}
		if !ok || value == "" {
			return "", bad(flag, s, "%q: want target=, published=, protocol=, host_ip= or mode=", field)
		}
		keys[key] = value
	}
	if mode := keys["mode"]; mode != "" && mode != "host" && mode != "ingress" {
		return "", bad(flag, s, "want mode host or ingress")
	}
	if keys["target"] == "" {
		return "", bad(flag, s, "target= is missing")
	}
	short := keys["published"] + ":" + keys["target"] + "/" + keys["protocol"]
	if keys["host_ip"] != "" {
		short = keys["host_ip"] + ":" + short
	}
	return strings.TrimPrefix(short, ":"), nil
}

// exposed reads PORT[-END][/PROTOCOL] into single ports.
func exposed(flag, s string) ([]string, error) {
	rest, protocol, err := portProtocol(flag, s, s)
	if err != nil {
		return nil, err
	}
	first, last, ok := portRange(rest)
	if !ok || first == 0 {
		return nil, bad(flag, s, "want a port from 1 to 65535, or a range")
	}
	var all []string
	for p := int(first); p <= int(last); p++ {
		all = append(all, strconv.Itoa(p)+"/"+protocol)
	}
	return all, nil
}
