package runflags

import (
	"encoding/csv"
	"net"
	"net/netip"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// network fills in how the container is connected. The first network is the
// mode; each network with settings of its own also stands in cfg.Networks.
func (f *NetworkFlags) apply(cfg *vzcontract.RunConfig) (err error) {
	attachments, err := each("network", f.Network, ParseNetwork)
	if err != nil {
		return err
	}
	if err := f.legacy(&attachments); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, at := range attachments {
		special := at.Network == "host" || at.Network == "none" || strings.HasPrefix(at.Network, "container:")
		switch {
		case seen[at.Network]:
			return bad("network", at.Network, "given twice")
		case special && len(attachments) > 1:
			return bad("network", at.Network, "cannot be combined with other networks")
		case special && hasSettings(at):
			return bad("network", at.Network, "has no aliases or addresses of its own")
		}
		if err := CheckAliases("network-alias", at); err != nil {
			return err
		}
		seen[at.Network] = true
		if i == 0 {
			cfg.NetworkMode = at.Network
		}
		if i > 0 || hasSettings(at) {
			cfg.Networks = append(cfg.Networks, at)
		}
	}
	return f.applyNames(cfg)
}

func (f *NetworkFlags) applyNames(cfg *vzcontract.RunConfig) error {
	cfg.Hostname, cfg.Domainname, cfg.PublishAll = f.Hostname, f.Domainname, f.PublishAll
	ports, err := each("publish", f.Publish, ParsePort)
	if err != nil {
		return err
	}
	for _, p := range ports {
		cfg.Ports = append(cfg.Ports, p...)
	}
	expose, err := each("expose", f.Expose, exposed)
	if err != nil {
		return err
	}
	for _, p := range expose {
		cfg.Expose = append(cfg.Expose, p...)
	}
	for _, ip := range f.DNS {
		if _, err := netip.ParseAddr(ip); err != nil {
			return bad("dns", ip, "want an IP address")
		}
	}
	cfg.DNS = vzcontract.DNSConfig{Servers: f.DNS, Search: f.DNSSearch, Options: f.DNSOption}
	if cfg.ExtraHosts, err = each("add-host", f.AddHost, extraHost); err != nil {
		return err
	}
	return f.applyEgress(cfg)
}

// applyEgress reads --egress: entries of a policy, or none alone.
func (f *NetworkFlags) applyEgress(cfg *vzcontract.RunConfig) error {
	if len(f.Egress) == 0 {
		return nil
	}
	cfg.Egress = &vzcontract.EgressPolicy{}
	for _, s := range f.Egress {
		if s == "none" {
			if len(f.Egress) > 1 {
				return bad("egress", s, "cannot be combined with what is allowed")
			}
			return nil
		}
		if _, err := vzcontract.ParseEgressRule(s); err != nil {
			return &command.UsageError{Err: vzcontract.Errorf(vzcontract.ErrValidation, "--%w", err)} // it begins with "egress"
		}
	}
	cfg.Egress.Allow = f.Egress
	return nil
}

// legacy gives the flags that name no network to the first one.
func (f *NetworkFlags) legacy(all *[]vzcontract.NetworkAttach) error {
	at := vzcontract.NetworkAttach{Network: "bridge"}
	if len(*all) > 0 {
		at = (*all)[0]
	}
	before := hasSettings(at)
	at.Aliases = append(at.Aliases, f.NetworkAlias...)
	at.LinkLocal = append(at.LinkLocal, f.LinkLocalIP...)
	for _, set := range []struct {
		flag, value string
		to          *string
		check       func(flag, s string) error
	}{
		{"ip", f.IP, &at.IPv4, ipv4}, {"ip6", f.IP6, &at.IPv6, ipv6}, {"mac-address", f.MacAddress, &at.MACAddress, mac},
	} {
		if set.value == "" {
			continue
		}
		if *set.to != "" && *set.to != set.value {
			return bad(set.flag, set.value, "--network already says %s", *set.to)
		}
		if err := set.check(set.flag, set.value); err != nil {
			return err
		}
		*set.to = set.value
	}
	for _, ip := range f.LinkLocalIP {
		if _, err := netip.ParseAddr(ip); err != nil {
			return bad("link-local-ip", ip, "want an IP address")
		}
	}
	switch {
	case len(*all) > 0:
		(*all)[0] = at
	case !before && hasSettings(at):
		*all = append(*all, at)
	}
	return nil
}

// CheckAliases refuses aliases on the default network, where nobody would find the
// container by them, as on docker's.
func CheckAliases(flag string, at vzcontract.NetworkAttach) error {
	if at.Network != "bridge" || len(at.Aliases) == 0 {
		return nil
	}
	return bad(flag, at.Aliases[0], "the network bridge has no names; use one of vz network create")
}

func hasSettings(at vzcontract.NetworkAttach) bool {
	return len(at.Aliases) > 0 || at.IPv4 != "" || at.IPv6 != "" || at.MACAddress != "" || len(at.LinkLocal) > 0 || len(at.Options) > 0
}

// ParseNetwork reads one value of --network: a name, or
// name=NET,alias=A,ip=IP,ip6=IP,mac-address=MAC,link-local-ip=IP,driver-opt=K=V.
func ParseNetwork(flag, s string) (vzcontract.NetworkAttach, error) {
	at := vzcontract.NetworkAttach{Network: s}
	if s == "" {
		return at, bad(flag, `""`, "the name is empty")
	}
	if s == "default" {
		at.Network = "bridge"
	}
	if !strings.Contains(s, "=") {
		return at, nil
	}
	at.Network = ""
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return at, bad(flag, s, "not comma-separated fields: %v", err)
	}
	for _, field := range fields {
		key, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok || value == "" {
			return at, bad(flag, s, "%q: want KEY=VALUE", field)
		}
		var err error
		switch strings.ToLower(key) {
		case "name":
			at.Network = value
		case "alias":
			at.Aliases = append(at.Aliases, value)
		case "ip":
			at.IPv4, err = value, ipv4(flag, value)
		case "ip6":
			at.IPv6, err = value, ipv6(flag, value)
		case "mac-address":
			at.MACAddress, err = value, mac(flag, value)
		case "link-local-ip":
			at.LinkLocal = append(at.LinkLocal, value)
		case "driver-opt":
			k, v, ok := strings.Cut(value, "=")
			if !ok {
				return at, bad(flag, s, "driver-opt=%s: want driver-opt=KEY=VALUE", value)
			}
			at.Options = put(at.Options, k, v)
		case "gw-priority":
			return at, refuse(flag, s, "gw-priority: the first network is the default route")
		default:
			return at, bad(flag, s, "unknown key %q", key)
		}
		if err != nil {
			return at, err
		}
	}
	if at.Network == "" {
		return at, bad(flag, s, "name= is missing")
	}
	return at, nil
}

func ipv4(flag, s string) error {
	if a, err := netip.ParseAddr(s); err != nil || !a.Is4() {
		return bad(flag, s, "want an IPv4 address")
	}
	return nil
}

func ipv6(flag, s string) error {
	if a, err := netip.ParseAddr(s); err != nil || !a.Is6() || a.Is4In6() {
		return bad(flag, s, "want an IPv6 address")
	}
	return nil
}

func mac(flag, s string) error {
	if hw, err := net.ParseMAC(s); err != nil || len(hw) != 6 || hw[0]&1 != 0 {
		return bad(flag, s, "want a MAC address of one interface such as 92:d0:c6:0a:29:33")
	}
	return nil
}

// extraHost reads NAME:IP or NAME=IP; IP may be host-gateway.
func extraHost(flag, s string) (string, error) {
	name, ip, ok := strings.Cut(s, "=")
	if !ok {
		name, ip, ok = strings.Cut(s, ":")
	}
	if !ok || name == "" {
		return "", bad(flag, s, "want NAME:IP")
	}
	ip = strings.TrimSuffix(strings.TrimPrefix(ip, "["), "]")
	if ip != "host-gateway" {
		if _, err := netip.ParseAddr(ip); err != nil {
			return "", bad(flag, s, "%q is neither an IP address nor host-gateway", ip)
		}
	}
	return name + ":" + ip, nil
}
