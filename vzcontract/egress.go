package vzcontract

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// An EgressPolicy says what a container may reach. Nothing may be reached besides
// what Allow lists: not the internet, not the host and its bridges' gateways, not
// other containers, not even those on the same network; an empty Allow is nothing
// at all. Names can be asked for all the same, those of Allow and of containers on
// the container's networks, and whoever reaches the container gets answers: by a
// published port, from the host, and by TCP from containers on its networks.
//
// What is not allowed is refused at once, not dropped: a connection fails with
// "connection refused" or "permission denied" instead of a timeout.
//
// Some addresses are refused whatever Allow says: link-local ones, multicast,
// loopback and unspecified ones, broadcast, and those at which clouds hand out
// credentials (169.254.169.254, fd00:ec2::254, fd20:ce::254, 100.100.100.200,
// 168.63.129.16, 192.0.0.192), also where they are embedded in addresses of NAT64
// (64:ff9b::/96) and 6to4.
//
// The policy is that of the container's network namespace: containers that join it
// with "container:NAME" have it too. It holds on every network that the container
// is, or later gets, connected to, while it runs and after a restart. A backend
// that cannot enforce it refuses the container with ErrUnsupported.
type EgressPolicy struct {
	// Allow has entries of the form WHERE, WHERE:PORT, WHERE:PORT/tcp or
	// WHERE:PORT/udp. Without a port an entry allows all ports of TCP and UDP, and
	// ping; a port without a protocol is that of both. Other protocols are refused.
	// WHERE is one of
	//
	//	example.com     this name, not those below it
	//	*.example.com   all names below it, at any depth, not example.com
	//	192.0.2.1       an address
	//	192.0.2.0/24    a range of addresses; 0.0.0.0/0 is all of IPv4
	//	2001:db8::/32   the same of IPv6; before a port it stands in brackets
	//
	// Names are ASCII in any case. They are resolved by the backend's own server
	// alone: what it answers for an allowed name may be reached from then on, as
	// long as the answer is valid (its TTL, at least a minute and at most an hour;
	// connections that stand go on). An answer for an allowed name that is an
	// address of a private range, of the host or of the container's networks is left
	// out, so that who controls the name cannot point it there, unless Allow lists
	// that address or its range too. Only addresses (A, AAAA) can be asked for.
	//
	// An allowed name is a way out for data: who controls its DNS zone sees what is
	// asked for below a wildcard, and many sites may share an address.
	Allow []string `json:"allow,omitempty"`
}

// An EgressRule is one entry of an [EgressPolicy] that was read. Either Name or
// Prefix is set.
type EgressRule struct {
	// Name is in lower case without a dot at its end.
	Name string
	// Below: it stands for all names below Name, not for Name.
	Below bool
	// Prefix is masked.
	Prefix netip.Prefix
	// Port 0 is every port.
	Port uint16
	// Protocol is "tcp", "udp" or "", both.
	Protocol string
}

const maxEgressRules = 1024

// Rules reads all entries. One that cannot be read is ErrValidation.
func (p *EgressPolicy) Rules() ([]EgressRule, error) {
	if len(p.Allow) > maxEgressRules {
		return nil, invalid("egress: %d entries are more than %d; name ranges of addresses or *.NAME", len(p.Allow), maxEgressRules)
	}
	var rules []EgressRule
	for _, s := range p.Allow {
		r, err := ParseEgressRule(s)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// ParseEgressRule reads one entry of [EgressPolicy].Allow. What cannot be one, or
// would never have an effect, is ErrValidation.
func ParseEgressRule(s string) (r EgressRule, err error) {
	where, port, bracketed, err := splitEgress(s)
	if err != nil {
		return r, err
	}
	if port != "" {
		number, protocol, given := strings.Cut(port, "/")
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n == 0 {
			return r, invalid("egress %q: %q is no port: want 1 to 65535", s, number)
		}
		if given && protocol != "tcp" && protocol != "udp" {
			return r, invalid("egress %q: unknown protocol %q: want tcp or udp", s, protocol)
		}
		r.Port, r.Protocol = uint16(n), protocol
	}
	if _, addrErr := netip.ParseAddr(where); addrErr == nil || bracketed || strings.ContainsAny(where, ":/") {
		r.Prefix, err = parseEgressPrefix(s, where)
		return r, err
	}
	r.Name, r.Below = strings.CutPrefix(strings.ToLower(strings.TrimSuffix(where, ".")), "*.")
	if where == "*" {
		return r, invalid("egress %q: all names there are is no limit; name them, or all addresses with 0.0.0.0/0 and ::/0", s)
	}
	if !validHostName(r.Name) {
		return r, invalid("egress %q: %q is neither a host name in ASCII, an IP address nor a range such as 192.0.2.0/24", s, where)
	}
	return r, nil
}

// splitEgress parts an entry in where and port.
func splitEgress(s string) (where, port string, bracketed bool, err error) {
	if rest, ok := strings.CutPrefix(s, "["); ok {
		where, rest, ok = strings.Cut(rest, "]")
		port, given := strings.CutPrefix(rest, ":")
		if !ok || !given && rest != "" || given && port == "" || !strings.Contains(where, ":") {
			return "", "", false, invalid("egress %q: want [ADDRESS]:PORT or [ADDRESS/BITS]:PORT with an IPv6 address", s)
		}
		return where, port, true, nil
	}
	if strings.Count(s, ":") != 1 {
		return s, "", false, nil // none, or IPv6 without a port
	}
	where, port, _ = strings.Cut(s, ":")
	if port == "" {
		return "", "", false, invalid("egress %q: the port is missing", s)
	}
	return where, port, false, nil
}

func parseEgressPrefix(s, where string) (p netip.Prefix, err error) {
	if strings.Contains(where, "/") {
		p, err = netip.ParsePrefix(where)
	} else {
		var a netip.Addr
		if a, err = netip.ParseAddr(where); err == nil && a.Zone() == "" {
			p = netip.PrefixFrom(a, a.BitLen())
		}
	}
	switch {
	case err != nil || !p.IsValid():
		return p, invalid("egress %q: %q is neither an IP address nor a range such as 192.0.2.0/24; IPv6 with a port is [ADDRESS]:PORT", s, where)
	case p.Addr().Is4In6():
		return p, invalid("egress %q: write the IPv4 address by itself", s)
	case p.Masked() != p:
		return p, invalid("egress %q: %s has bits beyond its prefix: want %s", s, where, p.Masked())
	}
	if never := NeverEgress(); slices.ContainsFunc(never, func(n netip.Prefix) bool { return n.Bits() <= p.Bits() && n.Contains(p.Addr()) }) {
		return p, invalid("egress %q: %s is always refused: link-local, loopback, multicast and cloud metadata addresses cannot be allowed", s, where)
	}
	return p, nil
}

// NeverEgress returns the ranges that an [EgressPolicy] refuses whatever it lists.
func NeverEgress() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range strings.Fields(`0.0.0.0/8 127.0.0.0/8 169.254.0.0/16 100.100.100.200/32 168.63.129.16/32 192.0.0.192/32
		224.0.0.0/3`) {
		p := netip.MustParsePrefix(s)
		a := p.Addr().As4()
		nat64, via6to4 := netip.MustParseAddr("64:ff9b::").As16(), netip.MustParseAddr("2002::").As16()
		copy(nat64[12:], a[:])
		copy(via6to4[2:], a[:])
		all = append(all, p, netip.PrefixFrom(netip.AddrFrom16(nat64), 96+p.Bits()), netip.PrefixFrom(netip.AddrFrom16(via6to4), 16+p.Bits()))
	}
	for _, s := range strings.Fields("::/96 ::ffff:0:0/96 fe80::/10 ff00::/8 fd00:ec2::254/128 fd20:ce::254/128") {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// validHostName reports whether a name in lower case is one of DNS: labels of
// letters, digits, - and _, the last one not a number.
func validHostName(name string) bool {
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, c := range []byte(l) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return len(name) <= 253 && strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// validateEgress refuses a policy where there is no network to hold it.
func (c *RunConfig) validateEgress() error {
	if c.Egress == nil {
		return nil
	}
	if c.NetworkMode == "host" || strings.HasPrefix(c.NetworkMode, "container:") {
		return invalid("network %s: an egress policy needs a network namespace of the container's own; put it on a bridge network", c.NetworkMode)
	}
	for _, at := range c.Networks {
		if len(at.LinkLocal) > 0 {
			return invalid("network %s: a container with an egress policy has no link-local addresses: they are always refused", at.Network)
		}
	}
	_, err := c.Egress.Rules()
	return err
}
