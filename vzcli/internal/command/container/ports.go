package container

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

// Published are c's published ports and, while it runs, those that are only
// exposed, with the host port 0; in the order of docker: by container port,
// address, host port and protocol.
func Published(c vzcontract.ContainerInfo) []vzcontract.PublishedPort {
	all := slices.Clone(c.Ports)
	own := c.Config.NetworkMode != "host" && c.Config.NetworkMode != "none" && !strings.HasPrefix(c.Config.NetworkMode, "container:")
	if own && (c.State == vzcontract.StateRunning || c.State == vzcontract.StatePaused) {
		for _, e := range c.Exposed {
			number, protocol, _ := strings.Cut(e, "/")
			port, err := strconv.ParseUint(number, 10, 16)
			have := func(p vzcontract.PublishedPort) bool {
				return p.ContainerPort == uint16(port) && p.Protocol == protocol
			}
			if err == nil && !slices.ContainsFunc(c.Ports, have) {
				all = append(all, vzcontract.PublishedPort{ContainerPort: uint16(port), Protocol: protocol})
			}
		}
	}
	slices.SortFunc(all, func(a, b vzcontract.PublishedPort) int {
		return cmp.Or(
			cmp.Compare(a.ContainerPort, b.ContainerPort), cmp.Compare(a.HostIP, b.HostIP),
			cmp.Compare(a.HostPort, b.HostPort), cmp.Compare(a.Protocol, b.Protocol),
		)
	})
	return all
}

// Ports words c's ports as docker does: neighbours that are published under
// their own number, or only exposed, become a range; the others follow.
func Ports(c vzcontract.ContainerInfo) string {
	var words, moved, order []string
	groups := map[string][2]uint16{} // first and last, by address and protocol
	word := func(key string) string {
		ip, protocol, _ := strings.Cut(key, "/")
		span := strconv.Itoa(int(groups[key][0]))
		if groups[key][1] != groups[key][0] {
			span += "-" + strconv.Itoa(int(groups[key][1]))
		}
		if ip != "" {
			span = net.JoinHostPort(ip, span) + "->" + span
		}
		return span + "/" + protocol
	}
	for _, p := range Published(c) {
		key := "/" + p.Protocol
		if p.HostPort != 0 {
			ip := cmp.Or(p.HostIP, "0.0.0.0")
			if p.HostPort != p.ContainerPort {
				moved = append(moved, fmt.Sprintf("%s->%d/%s", net.JoinHostPort(ip, strconv.Itoa(int(p.HostPort))), p.ContainerPort, p.Protocol))
				continue
			}
			key = ip + key
		}
		group, known := groups[key]
		switch {
		case !known:
			order = append(order, key)
		case p.ContainerPort == group[1]+1:
			groups[key] = [2]uint16{group[0], p.ContainerPort}
			continue
		default:
			words = append(words, word(key))
		}
		groups[key] = [2]uint16{p.ContainerPort, p.ContainerPort}
	}
	for _, key := range order {
		words = append(words, word(key))
	}
	return strings.Join(append(words, moved...), ", ")
}
