package nft

import (
	"errors"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The chains of family inet that all endpoints share.
const (
	chainEnter  = "prerouting"
	chainJudge  = "judge"
	chainRefuse = "refuse"
)

var egressChainNames = []string{chainEnter, chainJudge, chainRefuse}

// Messages of ICMPv6 by which neighbours find each other.
const (
	solicitation  = 135
	advertisement = 136
)

var (
	linkLocal6     = netip.MustParsePrefix("fe80::/10")
	linkMulticast6 = netip.MustParsePrefix("ff02::/16")
)

// egressChains makes the chains by which packets of endpoints are judged: before their
// destination is changed, as published ports do.
func (t *Table) egressChains(c *nftables.Conn) {
	table := t.egress(nftables.TableFamilyINet)
	policy := nftables.ChainPolicyAccept
	enter := c.AddChain(&nftables.Chain{
		Name: chainEnter, Table: table, Type: nftables.ChainTypeFilter, Policy: &policy,
		Hooknum: nftables.ChainHookPrerouting, Priority: nftables.ChainPriorityMangle,
	})
	judge := c.AddChain(&nftables.Chain{Name: chainJudge, Table: table})
	refuse := c.AddChain(&nftables.Chain{Name: chainRefuse, Table: table})
	add := func(chain *nftables.Chain, parts ...[]expr.Any) {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: rule(parts...)})
	}
	versions := []ipVersion{ip4, ip6}
	for _, v := range versions {
		add(enter, v.match(), []expr.Any{
			&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: reg}, network(word4, v.source, v.size),
			&expr.Lookup{SourceRegister: reg, SetName: policed + v.suffix},
		}, toChain(expr.VerdictJump, chainJudge))
	}

	// Not what is related to a connection: an error of ICMP gets to whoever has pinged
	// the host, as it need not be about a connection of the container's.
	standing := state(expr.CtStateBitESTABLISHED)
	answer := []expr.Any{&expr.Ct{Key: expr.CtKeyDIRECTION, Register: reg}, &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{1}}}
	refused := toChain(expr.VerdictGoto, chainRefuse)
	add(judge, standing, answer, verdict(expr.VerdictAccept))
	for _, to := range [][]expr.Any{destination(linkMulticast6), destination(linkLocal6), local()} {
		add(judge, v6(), transport(unix.IPPROTO_ICMPV6), icmpTypes(solicitation, advertisement), to, verdict(expr.VerdictAccept))
	}
	for _, v := range versions {
		add(judge, v.match(), []expr.Any{network(reg, v.dest, v.size), &expr.Lookup{SourceRegister: reg, SetName: never + v.suffix}}, refused)
	}
	add(judge, v6(), transport(unix.IPPROTO_ICMPV6), icmpTypes(solicitation, advertisement), toStatic(ip6))
	add(judge, standing, verdict(expr.VerdictAccept))
	for _, v := range versions {
		add(judge, v.match(), notTransport(unix.IPPROTO_TCP, unix.IPPROTO_UDP, v.icmp), refused)
		add(judge, v.match(), transport(v.icmp), notPing(v), refused)
		for _, pins := range pinLookups(v) {
			add(judge, v.match(), pins, verdict(expr.VerdictAccept))
		}
		add(judge, v.match(), toStatic(v))
	}
	add(judge, refused)

	add(refuse, transport(unix.IPPROTO_TCP), []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_TCP_RST}})
	add(refuse, []expr.Any{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}})
}

// toStatic goes through the chain of the endpoint that a packet is from.
func toStatic(v ipVersion) []expr.Any {
	return []expr.Any{
		network(reg, v.source, v.size), &expr.Lookup{SourceRegister: reg, DestRegister: 0, IsDestRegSet: true, SetName: static + v.suffix},
	}
}

// addEndpoint adds the chains of an endpoint, without rules, and what leads to them.
func (t *Table) addEndpoint(c *nftables.Conn, e Endpoint) error {
	c.AddChain(&nftables.Chain{Name: e.Device, Table: t.egress(nftables.TableFamilyINet)})
	policy := nftables.ChainPolicyDrop
	c.AddChain(&nftables.Chain{
		Name: e.Device, Table: t.egress(nftables.TableFamilyNetdev), Type: nftables.ChainTypeFilter, Policy: &policy, Device: e.Device,
		Hooknum: nftables.ChainHookIngress, Priority: nftables.ChainPriorityFilter,
	})
	for _, a := range e.addresses() {
		v := version(a)
		jump := &expr.Verdict{Kind: expr.VerdictJump, Chain: e.Device}
		key := append(iface16(e.Bridge), a.AsSlice()...)
		err := errors.Join(
			c.SetAddElements(t.egressSet(nftables.TableFamilyINet, static, v), []nftables.SetElement{{Key: a.AsSlice(), VerdictData: jump}}),
			c.SetAddElements(t.egressSet(nftables.TableFamilyINet, policed, v), []nftables.SetElement{{Key: key}}))
		if err != nil {
			return err
		}
	}
	return nil
}

// endpointRules makes the rules of an endpoint's chain in family inet.
func (t *Table) endpointRules(e Endpoint, allow []Allowed, add func(*nftables.Rule)) {
	table := t.egress(nftables.TableFamilyINet)
	chain := &nftables.Chain{Name: e.Device, Table: table}
	if e.IPv6.IsValid() { // neighbours that find each other, where the bridge's frames pass here
		add(&nftables.Rule{Table: table, Chain: chain, Exprs: rule(
			v6(), transport(unix.IPPROTO_ICMPV6), icmpTypes(solicitation, advertisement), destination(e.IPv6.Masked()), verdict(expr.VerdictAccept))})
	}
	for _, a := range allow {
		for _, match := range a.rules() {
			add(&nftables.Rule{Table: table, Chain: chain, Exprs: rule(version(a.To.Addr()).match(), match, verdict(expr.VerdictAccept))})
		}
	}
}

// rules match what a allows.
func (a Allowed) rules() [][]expr.Any {
	switch {
	case a.Port == 0:
		return [][]expr.Any{destination(a.To)}
	case a.Protocol != 0:
		return [][]expr.Any{rule(destination(a.To), transport(a.Protocol), destinationPort(a.Port))}
	}
	return [][]expr.Any{
		rule(destination(a.To), transport(unix.IPPROTO_TCP), destinationPort(a.Port)),
		rule(destination(a.To), transport(unix.IPPROTO_UDP), destinationPort(a.Port)),
	}
}

// portRules makes the rules of the chain in family netdev that frames of an endpoint
// pass.
func (t *Table) portRules(e Endpoint, allow []Allowed, addRule func(*nftables.Rule)) {
	table := t.egress(nftables.TableFamilyNetdev)
	chain := &nftables.Chain{Name: e.Device, Table: table}
	add := func(parts ...[]expr.Any) { addRule(&nftables.Rule{Table: table, Chain: chain, Exprs: rule(parts...)}) }
	add(link(6, 6, expr.CmpOpNeq, e.MAC), verdict(expr.VerdictDrop))
	if e.IPv4.IsValid() {
		add(etherType(0x08, 0x06), bytesAt(0, expr.CmpOpEq, []byte{0, 1, 8, 0, 6, 4}), bytesAt(8, expr.CmpOpEq, e.MAC),
			bytesAt(14, expr.CmpOpEq, e.IPv4.Addr().AsSlice()), verdict(expr.VerdictAccept))
		e.frames(add, ip4, e.IPv4, allow)
	}
	if e.IPv6.IsValid() {
		e.discovery(add)
		// What follows other headers could be anything, also discovery.
		plain := []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_ICMPV6, unix.IPPROTO_FRAGMENT}
		next := []expr.Any{network(reg, 6, 1)}
		for _, p := range plain {
			next = append(next, &expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{p}})
		}
		add(etherType(ip6.etherType...), next, verdict(expr.VerdictDrop))
		e.frames(add, ip6, e.IPv6, allow)
	}
}

// frames lets pass what has the container's address: to a neighbour what may go to
// it and answers of TCP and to a ping, all else to the host.
func (e Endpoint) frames(add func(parts ...[]expr.Any), v ipVersion, own netip.Prefix, allow []Allowed) {
	is := etherType(v.etherType...)
	add(is, bytesAt(v.source, expr.CmpOpNeq, own.Addr().AsSlice()), verdict(expr.VerdictDrop))
	near := rule(is, destination(own.Masked()))
	// Of fragments all but the first have no port. The host puts them together.
	add(near, v.fragment, e.toHost(), verdict(expr.VerdictAccept))
	const syn, ack = 0x02, 0x10
	add(near, transport(unix.IPPROTO_TCP), []expr.Any{
		header(13, 1), &expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 1, Mask: []byte{syn | ack}, Xor: []byte{0}},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{syn}},
	}, verdict(expr.VerdictAccept))
	add(near, transport(v.icmp), icmpTypes(v.pong, v.pong), verdict(expr.VerdictAccept))
	// Where all is allowed, it is these three.
	add(near, notTransport(unix.IPPROTO_TCP, unix.IPPROTO_UDP, v.icmp), e.toHost(), verdict(expr.VerdictAccept))
	add(near, transport(v.icmp), notPing(v), e.toHost(), verdict(expr.VerdictAccept))
	for _, a := range allow {
		if !a.To.Overlaps(own.Masked()) {
			continue
		}
		for _, match := range a.rules() {
			add(near, match, verdict(expr.VerdictAccept))
		}
	}
	for _, pins := range pinLookups(v) {
		add(near, pins, verdict(expr.VerdictAccept))
	}
	add(is, e.toHost(), verdict(expr.VerdictAccept))
}

// toHost makes a frame one to the host.
func (e Endpoint) toHost() []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: reg, Data: e.Port},
		&expr.Payload{OperationType: expr.PayloadWrite, SourceRegister: reg, Base: expr.PayloadBaseLLHeader, Offset: 0, Len: 6},
		&expr.Immediate{Register: reg, Data: []byte{unix.PACKET_HOST}},
		&expr.Meta{Key: expr.MetaKeyPKTTYPE, SourceRegister: true, Register: reg},
	}
}

// discovery lets the container find its neighbours and be found, by no address but its
// own and the one that the kernel makes of its hardware address.
func (e Endpoint) discovery(add func(parts ...[]expr.Any)) {
	is := rule(etherType(ip6.etherType...), bytesAt(6, expr.CmpOpEq, []byte{unix.IPPROTO_ICMPV6, 255}))
	both := rule(is, []expr.Any{network(reg, 40, 1), &expr.Range{Op: expr.CmpOpEq, Register: reg, FromData: []byte{solicitation}, ToData: []byte{advertisement}}})
	own, linkLocal := e.IPv6.Addr().AsSlice(), linkLocalOf(e.MAC)
	other := func(offset uint32) []expr.Any {
		return rule(bytesAt(offset, expr.CmpOpNeq, own), bytesAt(offset, expr.CmpOpNeq, linkLocal))
	}
	const target = 48
	add(is, bytesAt(40, expr.CmpOpEq, []byte{advertisement}), other(target), verdict(expr.VerdictDrop))
	add(both, other(ip6.source), verdict(expr.VerdictDrop))
	for _, to := range []netip.Prefix{e.IPv6.Masked(), linkLocal6, linkMulticast6} {
		add(both, destination(to), verdict(expr.VerdictAccept))
	}
	add(both, verdict(expr.VerdictDrop))
}

// linkLocalOf is the link-local address made of a hardware address.
func linkLocalOf(mac []byte) []byte {
	a := []byte{0xfe, 0x80, 15: 0}
	copy(a[8:], mac[:3])
	copy(a[13:], mac[3:])
	a[8] ^= 2
	a[11], a[12] = 0xff, 0xfe
	return a
}

// pinLookups match what pins allow.
func pinLookups(v ipVersion) [][]expr.Any {
	ends := []expr.Any{network(reg, v.source, v.size), network(v.second, v.dest, v.size)}
	port := []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: v.third},
		&expr.Payload{DestRegister: v.fourth, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
	}
	return [][]expr.Any{
		rule(ends, []expr.Any{&expr.Lookup{SourceRegister: reg, SetName: pinHost + v.suffix}}),
		rule(ends, port, []expr.Any{&expr.Lookup{SourceRegister: reg, SetName: pinPort + v.suffix}}),
	}
}

func toChain(kind expr.VerdictKind, name string) []expr.Any {
	return []expr.Any{&expr.Verdict{Kind: kind, Chain: name}}
}

// network and header load bytes of the headers of IP and of what it carries.
func network(to, offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: to, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
}

func header(offset, length uint32) expr.Any {
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: offset, Len: length}
}

func bytesAt(offset uint32, op expr.CmpOp, data []byte) []expr.Any {
	return []expr.Any{network(reg, offset, uint32(len(data))), &expr.Cmp{Op: op, Register: reg, Data: data}}
}

func link(offset, length uint32, op expr.CmpOp, data []byte) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseLLHeader, Offset: offset, Len: length}, &expr.Cmp{Op: op, Register: reg, Data: data},
	}
}

// etherType matches frames without a tag: with one, it stands here.
func etherType(t ...byte) []expr.Any { return link(12, 2, expr.CmpOpEq, t) }

func icmpTypes(from, to byte) []expr.Any {
	return []expr.Any{header(0, 1), &expr.Range{Op: expr.CmpOpEq, Register: reg, FromData: []byte{from}, ToData: []byte{to}}}
}

func notPing(v ipVersion) []expr.Any {
	return []expr.Any{header(0, 1), &expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{v.echo}}}
}

func notTransport(protocols ...byte) []expr.Any {
	all := []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg}}
	for _, p := range protocols {
		all = append(all, &expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: []byte{p}})
	}
	return all
}
