package devfile

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

// Mapping returns what to publish.
func (p Port) Mapping() (vzcontract.PortMapping, error) {
	m := vzcontract.PortMapping{HostIP: "127.0.0.1"}
	rest, protocol, has := strings.Cut(string(p), "/")
	if m.Protocol = protocol; !has {
		m.Protocol = "tcp"
	}
	if m.Protocol != "tcp" && m.Protocol != "udp" {
		return m, fmt.Errorf("port %q: want protocol tcp or udp", string(p))
	}
	if i := strings.LastIndexByte(rest, ':'); i < 0 {
		rest += ":" + rest // the same on the host
	} else if j := strings.LastIndexByte(rest[:i], ':'); j >= 0 {
		addr, err := netip.ParseAddr(strings.Trim(rest[:j], "[]"))
		if err != nil || addr.Zone() != "" {
			return m, fmt.Errorf("port %q: %q is no address", string(p), rest[:j])
		}
		m.HostIP, rest = addr.String(), rest[j+1:]
	}
	host, inside, _ := strings.Cut(rest, ":")
	var ok bool
	if m.HostPort, ok = number(host); ok {
		m.ContainerPort, ok = number(inside)
	}
	if !ok {
		return m, fmt.Errorf(`port %q: want 8080, "3000:80" or "ADDRESS:3000:80", with numbers from 1 to 65535`, string(p))
	}
	return m, nil
}

func number(s string) (uint16, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n > 0 && s[0] != '+'
}
