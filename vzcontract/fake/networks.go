package fake

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

// A network is its description.
type network struct {
	Info vzcontract.NetworkInfo `json:"info"`
}

func newNetwork(cfg vzcontract.NetworkConfig, serial int) *network {
	if cfg.Driver == "" {
		cfg.Driver = "bridge"
	}
	n := &network{Info: vzcontract.NetworkInfo{NetworkConfig: cfg, ID: randomID(), CreatedAt: time.Now()}}
	if cfg.Driver == "bridge" {
		if len(cfg.Subnets) == 0 {
			n.Info.Subnets = []string{fmt.Sprintf("172.30.%d.0/24", serial%256)}
		}
		if len(cfg.Gateways) == 0 {
			n.Info.Gateways = []string{netip.MustParsePrefix(n.Info.Subnets[0]).Addr().Next().String()}
		}
		n.Info.Interface = "fake-" + n.Info.ID[:8]
	}
	return n
}

var predefined = []string{"bridge", "host", "none"}

// attachments lists the networks that a config joins, the first one first.
func attachments(cfg vzcontract.RunConfig) []vzcontract.NetworkAttach {
	mode := cfg.NetworkMode
	if strings.HasPrefix(mode, "container:") {
		return nil
	}
	list := slices.Clone(cfg.Networks)
	if mode == "" && len(list) > 0 {
		return list
	}
	mode = firstOf(mode, "bridge")
	if !slices.ContainsFunc(list, func(a vzcontract.NetworkAttach) bool { return a.Network == mode }) {
		list = append([]vzcontract.NetworkAttach{{Network: mode}}, list...)
	}
	return list
}

// connectAll gives a container that starts its addresses and ports.
func (b *Backend) connectAll(c *container) error {
	for _, at := range attachments(c.Info.Config) {
		if err := b.connect(c, at); err != nil {
			b.disconnectAll(c)
			return failure("start", c, classOf(err), "%w", err)
		}
	}
	ports, err := b.reserve(c)
	if err != nil {
		b.disconnectAll(c)
		return failure("start", c, classOf(err), "%w", err)
	}
	c.Info.Ports = ports
	return nil
}

func (b *Backend) connect(c *container, at vzcontract.NetworkAttach) error {
	n := b.findNetwork(at.Network)
	if n == nil {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "no such network: %s", at.Network)
	}
	e := vzcontract.NetworkEndpoint{Network: n.Info.Name, NetworkID: n.Info.ID, Aliases: at.Aliases, MACAddress: at.MACAddress}
	if n.Info.Driver == "bridge" {
		subnet, err := netip.ParsePrefix(n.Info.Subnets[0])
		if err != nil {
			return invalid("network %s: %w", n.Info.Name, err)
		}
		addr, err := n.address(subnet, at.IPv4)
		if err != nil {
			return err
		}
		e.IPv4, e.IPv4Prefix, e.Gateway4 = addr.String(), subnet.Bits(), n.Info.Gateways[0]
		e.Interface = fmt.Sprintf("eth%d", len(c.Info.Networks))
		raw := addr.As4()
		e.MACAddress = firstOf(at.MACAddress, fmt.Sprintf("02:42:%02x:%02x:%02x:%02x", raw[0], raw[1], raw[2], raw[3]))
	}
	if n.Info.Containers == nil {
		n.Info.Containers = map[string]vzcontract.NetworkEndpoint{}
	}
	n.Info.Containers[c.Info.ID] = e
	c.Info.Networks = append(slices.Clone(c.Info.Networks), e)
	b.touch()
	return nil
}

func (n *network) address(subnet netip.Prefix, fixed string) (netip.Addr, error) {
	used := func(a netip.Addr) bool {
		for _, e := range n.Info.Containers {
			if e.IPv4 == a.String() {
				return true
			}
		}
		return slices.Contains(n.Info.Gateways, a.String())
	}
	if fixed != "" {
		a, err := netip.ParseAddr(fixed)
		switch {
		case err != nil || !subnet.Contains(a):
			return a, invalid("address %s is not in %s", fixed, subnet)
		case used(a):
			return a, vzcontract.Errorf(vzcontract.ErrConflict, "address %s is in use on network %s", fixed, n.Info.Name)
		}
		return a, nil
	}
	for a := subnet.Masked().Addr().Next(); subnet.Contains(a); a = a.Next() {
		if !used(a) {
			return a, nil
		}
	}
	return netip.Addr{}, vzcontract.Errorf(vzcontract.ErrConflict, "network %s has no free address in %s", n.Info.Name, subnet)
}

// reserve picks host ports that no other container has.
func (b *Backend) reserve(c *container) ([]vzcontract.PublishedPort, error) {
	var ports []vzcontract.PublishedPort
	taken := func(p vzcontract.PublishedPort) string {
		for _, other := range b.st.Containers {
			for _, q := range other.Info.Ports {
				same := q.HostIP == p.HostIP || p.HostIP == "0.0.0.0" || q.HostIP == "0.0.0.0"
				if other != c && q.HostPort == p.HostPort && q.Protocol == p.Protocol && same {
					return other.Info.Name
				}
			}
		}
		return ""
	}
	wanted := slices.Clone(c.Info.Config.Ports)
	if c.Info.Config.PublishAll {
		exposed := slices.Clone(c.Info.Config.Expose)
		if img := b.st.Images[c.Info.ImageID]; img != nil {
			exposed = append(exposed, img.Info.Config.ExposedPorts...)
		}
		for _, e := range exposed {
			number, proto, _ := strings.Cut(e, "/")
			var port uint16
			if _, err := fmt.Sscanf(number, "%d", &port); err != nil {
				return nil, invalid("exposed port %q", e)
			}
			wanted = append(wanted, vzcontract.PortMapping{ContainerPort: port, Protocol: firstOf(proto, "tcp")})
		}
	}
	for _, m := range wanted {
		for i := range max(m.ContainerPortEnd, m.ContainerPort) - m.ContainerPort + 1 {
			p := vzcontract.PublishedPort{
				HostIP: firstOf(m.HostIP, "0.0.0.0"), HostPort: m.HostPort, ContainerPort: m.ContainerPort + i, Protocol: m.Protocol,
			}
			last := m.HostPort
			switch {
			case m.HostPort == 0:
				p.HostPort, last = 32768, 60999
			case m.ContainerPortEnd > m.ContainerPort:
				p.HostPort, last = m.HostPort+i, m.HostPort+i
			default:
				last = max(last, m.HostPortEnd)
			}
			by := taken(p)
			for by != "" && p.HostPort < last {
				p.HostPort++
				by = taken(p)
			}
			if by != "" {
				return nil, vzcontract.Errorf(vzcontract.ErrConflict, "port %s:%d/%s is taken by container %s", p.HostIP, p.HostPort, p.Protocol, by)
			}
			ports = append(ports, p)
			c.Info.Ports = ports
		}
	}
	return ports, nil
}

// disconnectAll gives back what connectAll took.
func (b *Backend) disconnectAll(c *container) {
	for _, n := range b.st.Networks {
		delete(n.Info.Containers, c.Info.ID)
	}
	c.Info.Networks, c.Info.Ports = nil, nil
}

func (b *Backend) findNetwork(ref string) *network {
	if n := b.st.Networks[ref]; n != nil {
		return n
	}
	for _, n := range b.st.Networks {
		if len(ref) >= 4 && strings.HasPrefix(n.Info.ID, ref) {
			return n
		}
	}
	return nil
}

func networkError(op, name string, class error, format string, args ...any) error {
	return &vzcontract.Error{Op: op, Kind: "network", Name: name, Class: class, Err: vzcontract.Errorf(class, format, args...)}
}

// CreateNetwork implements vzcontract.Networks.
func (b *Backend) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (info vzcontract.NetworkInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	err = b.once(func() error {
		switch {
		case !vzcontract.ValidName(cfg.Name):
			return networkError("create", cfg.Name, vzcontract.ErrValidation, "invalid name %q", cfg.Name)
		case b.st.Networks[cfg.Name] != nil:
			return networkError("create", cfg.Name, vzcontract.ErrConflict, "the name is in use")
		case cfg.Driver != "" && cfg.Driver != "bridge":
			return networkError("create", cfg.Name, vzcontract.ErrUnsupported, "unknown driver %q: only bridge is there", cfg.Driver)
		}
		var subnets []netip.Prefix
		for _, s := range cfg.Subnets {
			p, err := netip.ParsePrefix(s)
			if err != nil || p != p.Masked() {
				return networkError("create", cfg.Name, vzcontract.ErrValidation, "invalid subnet %q", s)
			}
			subnets = append(subnets, p)
		}
		for _, other := range b.st.Networks {
			for _, s := range other.Info.Subnets {
				for _, p := range subnets {
					if p.Overlaps(netip.MustParsePrefix(s)) {
						return networkError("create", cfg.Name, vzcontract.ErrConflict, "subnet %s overlaps network %s", p, other.Info.Name)
					}
				}
			}
		}
		n := newNetwork(cfg, b.serial())
		b.st.Networks[cfg.Name] = n
		b.eventOf("network", "create", n.Info.ID, map[string]string{"type": n.Info.Driver, "name": cfg.Name})
		info = n.info()
		return nil
	})
	return info, err
}

func (n *network) info() vzcontract.NetworkInfo {
	info := n.Info
	info.Containers = maps.Clone(info.Containers)
	return info
}

// ListNetworks implements vzcontract.Networks.
func (b *Backend) ListNetworks(ctx context.Context) (infos []vzcontract.NetworkInfo, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = b.once(func() error {
		for _, name := range slices.Sorted(maps.Keys(b.st.Networks)) {
			infos = append(infos, b.st.Networks[name].info())
		}
		return nil
	})
	return infos, err
}

// InspectNetwork implements vzcontract.Networks.
func (b *Backend) InspectNetwork(ctx context.Context, ref string) (info vzcontract.NetworkInfo, err error) {
	if err := ctx.Err(); err != nil {
		return info, err
	}
	err = b.once(func() error {
		n := b.findNetwork(ref)
		if n == nil {
			return networkError("inspect", ref, vzcontract.ErrNotFound, "no such network")
		}
		info = n.info()
		return nil
	})
	return info, err
}

// RemoveNetwork implements vzcontract.Networks.
func (b *Backend) RemoveNetwork(ctx context.Context, ref string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.once(func() error {
		n := b.findNetwork(ref)
		switch {
		case n == nil:
			return networkError("remove", ref, vzcontract.ErrNotFound, "no such network")
		case slices.Contains(predefined, n.Info.Name):
			return networkError("remove", ref, vzcontract.ErrDenied, "it is predefined")
		case len(n.Info.Containers) > 0:
			return networkError("remove", ref, vzcontract.ErrConflict, "%d containers are on it: stop or disconnect them first", len(n.Info.Containers))
		}
		b.dropNetwork(n)
		return nil
	})
}

func (b *Backend) dropNetwork(n *network) {
	delete(b.st.Networks, n.Info.Name)
	b.eventOf("network", "destroy", n.Info.ID, map[string]string{"type": n.Info.Driver, "name": n.Info.Name})
}

// PruneNetworks implements vzcontract.Networks.
func (b *Backend) PruneNetworks(ctx context.Context) (report vzcontract.PruneReport, err error) {
	if err := ctx.Err(); err != nil {
		return report, err
	}
	err = b.once(func() error {
		for _, name := range slices.Sorted(maps.Keys(b.st.Networks)) {
			n := b.st.Networks[name]
			if slices.Contains(predefined, name) || len(n.Info.Containers) > 0 {
				continue
			}
			b.dropNetwork(n)
			report.Removed = append(report.Removed, name)
		}
		return nil
	})
	return report, err
}

// ConnectNetwork implements vzcontract.Networks.
func (b *Backend) ConnectNetwork(ctx context.Context, ref string, at vzcontract.NetworkAttach) error {
	return b.change(ctx, "connect", ref, func(c *container) error {
		n := b.findNetwork(at.Network)
		if n == nil {
			return networkError("connect", at.Network, vzcontract.ErrNotFound, "no such network")
		}
		if mode := c.Info.Config.NetworkMode; mode == "host" || strings.HasPrefix(mode, "container:") {
			return networkError("connect", at.Network, vzcontract.ErrConflict, "container %s shares the network namespace of %s", c.Info.Name, mode)
		}
		if slices.ContainsFunc(attachments(c.Info.Config), func(a vzcontract.NetworkAttach) bool { return a.Network == n.Info.Name }) {
			return networkError("connect", at.Network, vzcontract.ErrConflict, "container %s is on it already", c.Info.Name)
		}
		if !c.down(b) {
			if err := b.connect(c, at); err != nil {
				return networkError("connect", at.Network, classOf(err), "%w", err)
			}
		}
		at.Network = n.Info.Name
		c.Info.Config.Networks = append(slices.Clone(c.Info.Config.Networks), at)
		c.Info.Config.NetworkMode = firstOf(c.Info.Config.NetworkMode, "bridge")
		b.eventOf("network", "connect", n.Info.ID, map[string]string{"type": n.Info.Driver, "container": c.Info.ID, "name": n.Info.Name})
		return nil
	})
}

// DisconnectNetwork implements vzcontract.Networks.
func (b *Backend) DisconnectNetwork(ctx context.Context, ref, name string) error {
	return b.change(ctx, "disconnect", ref, func(c *container) error {
		n := b.findNetwork(name)
		if n == nil {
			return networkError("disconnect", name, vzcontract.ErrNotFound, "no such network")
		}
		on := attachments(c.Info.Config)
		if !slices.ContainsFunc(on, func(a vzcontract.NetworkAttach) bool { return a.Network == n.Info.Name }) {
			return networkError("disconnect", name, vzcontract.ErrConflict, "container %s is not on it", c.Info.Name)
		}
		delete(n.Info.Containers, c.Info.ID)
		c.Info.Networks = slices.DeleteFunc(slices.Clone(c.Info.Networks), func(e vzcontract.NetworkEndpoint) bool { return e.NetworkID == n.Info.ID })
		c.Info.Config.Networks = slices.DeleteFunc(slices.Clone(on), func(a vzcontract.NetworkAttach) bool { return a.Network == n.Info.Name })
		c.Info.Config.NetworkMode = "none"
		if len(c.Info.Config.Networks) > 0 {
			c.Info.Config.NetworkMode = c.Info.Config.Networks[0].Network
		}
		b.eventOf("network", "disconnect", n.Info.ID, map[string]string{"type": n.Info.Driver, "container": c.Info.ID, "name": n.Info.Name})
		return nil
	})
}
