package nft

import (
	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Registers of 4 bytes; register 1 is the first four of them.
const (
	reg   = 1
	word1 = 9
	word4 = 12
	word5 = 13
	word8 = 16
	word9 = 17
)

// conntrack status bit of a connection whose destination was changed.
const statusDNAT = 1 << 5

func addChains(c *nftables.Conn, t *nftables.Table) {
	add := func(name string, kind nftables.ChainType, hook *nftables.ChainHook, prio *nftables.ChainPriority, rules ...[]expr.Any) {
		chain := c.AddChain(&nftables.Chain{Name: name, Table: t, Type: kind, Hooknum: hook, Priority: prio})
		for _, r := range rules {
			c.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: r})
		}
	}
	// Bridges route to 127.0.0.0/8 for the sake of ports published there; a
	// container must not reach the host's own loopback services by it.
	add("raw", nftables.ChainTypeFilter, nftables.ChainHookPrerouting, nftables.ChainPriorityRaw,
		rule(in(bridges), v4(), loopback(16), verdict(expr.VerdictDrop)))
	add("forward", nftables.ChainTypeFilter, nftables.ChainHookForward, nftables.ChainPriorityFilter,
		rule(state(expr.CtStateBitESTABLISHED|expr.CtStateBitRELATED), verdict(expr.VerdictAccept)),
		rule(samePair(), verdict(expr.VerdictAccept)),
		rule(out(bridges), status(), verdict(expr.VerdictAccept)),
		rule(out(bridges), verdict(expr.VerdictDrop)),
		rule(in(internal), verdict(expr.VerdictDrop)))
	nat := nftables.ChainTypeNAT
	add("prerouting", nat, nftables.ChainHookPrerouting, nftables.ChainPriorityNATDest, publishRules()...)
	add("output", nat, nftables.ChainHookOutput, nftables.ChainPriorityNATDest, publishRules()...)
	add("postrouting", nat, nftables.ChainHookPostrouting, nftables.ChainPriorityNATSource,
		rule(out(bridges), v4(), loopback(12), masquerade()),
		rule(out(bridges), status(), v4(), source4(subnets4), masquerade()),
		rule(out(bridges), status(), v6(), source6(subnets6), masquerade()),
		rule(notOut(bridges), v4(), source4(outward4), masquerade()),
		rule(notOut(bridges), v6(), source6(outward6), masquerade()))
}

// publishRules send what arrives for a published port of a local address on to
// its container. ::1 is left to the proxy: IPv6 cannot route from loopback.
func publishRules() [][]expr.Any {
	dnat := func(family, port uint32) []expr.Any {
		return []expr.Any{&expr.NAT{Type: expr.NATTypeDestNAT, Family: family, RegAddrMin: reg, RegProtoMin: port}}
	}
	proto := func(r uint32) expr.Any { return &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: r} }
	port := func(r uint32) expr.Any {
		return &expr.Payload{DestRegister: r, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2}
	}
	address := func(offset, length uint32) expr.Any {
		return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length}
	}
	pick := func(k setKind) expr.Any {
		return &expr.Lookup{SourceRegister: reg, DestRegister: reg, IsDestRegSet: true, SetName: string(k)}
	}
	notLoopback6 := []expr.Any{
		address(24, 16),
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: append(make([]byte, 15), 1)},
	}
	return [][]expr.Any{
		rule(v4(), local(), []expr.Any{address(16, 4), proto(word1), port(word1 + 1), pick(port4)}, dnat(unix.NFPROTO_IPV4, word1)),
		rule(v4(), local(), []expr.Any{proto(reg), port(word1), pick(anyport4)}, dnat(unix.NFPROTO_IPV4, word1)),
		rule(v6(), local(), notLoopback6, []expr.Any{address(24, 16), proto(word4), port(word5), pick(port6)}, dnat(unix.NFPROTO_IPV6, word4)),
		rule(v6(), local(), notLoopback6, []expr.Any{proto(reg), port(word1), pick(anyport6)}, dnat(unix.NFPROTO_IPV6, word4)),
	}
}

func rule(parts ...[]expr.Any) []expr.Any {
	var all []expr.Any
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func v4() []expr.Any { return family(unix.NFPROTO_IPV4) }
func v6() []expr.Any { return family(unix.NFPROTO_IPV6) }

func family(f byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: reg}, &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{f}}}
}

func in(k setKind) []expr.Any     { return iface(expr.MetaKeyIIFNAME, k, false) }
func out(k setKind) []expr.Any    { return iface(expr.MetaKeyOIFNAME, k, false) }
func notOut(k setKind) []expr.Any { return iface(expr.MetaKeyOIFNAME, k, true) }

func iface(key expr.MetaKey, k setKind, invert bool) []expr.Any {
	return []expr.Any{&expr.Meta{Key: key, Register: reg}, &expr.Lookup{SourceRegister: reg, SetName: string(k), Invert: invert}}
}

func samePair() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: reg}, &expr.Meta{Key: expr.MetaKeyOIFNAME, Register: word4},
		&expr.Lookup{SourceRegister: reg, SetName: string(pairs)},
	}
}

// loopback matches an address at offset in 127.0.0.0/8.
func loopback(offset uint32) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{127}},
	}
}

func source4(k setKind) []expr.Any { return source(12, 4, k) }
func source6(k setKind) []expr.Any { return source(8, 16, k) }

func source(offset, length uint32, k setKind) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
		&expr.Lookup{SourceRegister: reg, SetName: string(k)},
	}
}

// local matches a destination that is an address of this host.
func local() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: reg, FlagDADDR: true, ResultADDRTYPE: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
	}
}

func state(bits uint32) []expr.Any { return conntrack(expr.CtKeySTATE, bits) }
func status() []expr.Any           { return conntrack(expr.CtKeySTATUS, statusDNAT) }

func conntrack(key expr.CtKey, bits uint32) []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: key, Register: reg},
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(bits), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: reg, Data: make([]byte, 4)},
	}
}

func masquerade() []expr.Any                { return []expr.Any{&expr.Masq{}} }
func verdict(k expr.VerdictKind) []expr.Any { return []expr.Any{&expr.Verdict{Kind: k}} }
