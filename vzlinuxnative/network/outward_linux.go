package network

import (
	"context"
	"os"
	"strings"

	"vz.internal/vzlinuxnative/network/internal/nft"
)

// obstacles says why the host does not route for a bridge, empty where it does.
func (m *Manager) obstacles(bridge string) (nft.Obstacles, error) {
	found, err := m.table.Obstacles(bridge)
	if err != nil {
		if missing := nft.Available(); missing != nil {
			reason := "this kernel has no nftables: " + missing.Error()
			return nft.Obstacles{IPv4: reason, IPv6: reason}, nil
		}
		return found, err
	}
	const forward = procNet + "ipv4/ip_forward"
	if data, err := os.ReadFile(forward); err == nil && strings.TrimSpace(string(data)) == "0" && !writable(forward) {
		found.IPv4 = "net.ipv4.ip_forward is off and cannot be set"
	}
	return found, nil
}

// Obstacles says, for each network that has a bridge now and a way out, why
// the host keeps its traffic from being routed, if it does. Published ports
// and TCP connections to the outside go through a proxy then; UDP and ICMP to
// the outside do not work.
func (m *Manager) Obstacles(ctx context.Context) (map[string]string, error) {
	list, err := m.List(ctx)
	if err != nil {
		return nil, err
	}
	reasons := map[string]string{}
	for _, n := range list {
		if n.Interface == "" || n.Internal {
			continue
		}
		var found nft.Obstacles
		if err := m.inside(func() (err error) {
			found, err = m.obstacles(n.Interface)
			return err
		}); err != nil {
			return nil, err
		}
		if found.IPv4 != "" {
			reasons[n.Name] = found.IPv4
		}
	}
	return reasons, nil
}

func writable(path string) bool {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return false
	}
	return f.Close() == nil
}
