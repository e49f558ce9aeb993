package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
	"vz.internal/vzlinuxnative/network/internal/nsthread"
)

// A Container says what the kernel does inside a container's own network
// namespace.
type Container struct {
	// Asked is where the container asks for names, by port 53; Listener, an
	// address of the namespace too, is where its questions go.
	Asked    netip.Addr
	Listener netip.AddrPort
	// Relay is the port of loopback to which all TCP connections over IPv4 go
	// except those to Direct; 0 lets them be.
	Relay  uint16
	Direct []netip.Prefix
}

const containerTable = "vz"

// PassMark is the mark of packets in a container's namespace that the relay
// leaves alone.
const PassMark = 0x767a

// Install makes the rules of c in ns, instead of those it made before.
func (c Container) Install(ns *os.File) error {
	// Taking rules out makes the kernel wait for all processors, so it is done only
	// where there are some.
	err := c.install(ns, false)
	if errors.Is(err, unix.EEXIST) {
		err = c.install(ns, true)
	}
	if err != nil {
		return fmt.Errorf("rules in the container's network namespace: %w", err)
	}
	return nil
}

func (c Container) install(ns *os.File, again bool) error {
	return nsthread.In(ns, func() error { return c.installHere(again) })
}

func (c Container) installHere(again bool) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	t := &nftables.Table{Family: nftables.TableFamilyINet, Name: containerTable}
	if again {
		conn.DelTable(t)
	}
	conn.CreateTable(t)
	chain := conn.AddChain(&nftables.Chain{
		Name: "output", Table: t, Type: nftables.ChainTypeNAT, Hooknum: nftables.ChainHookOutput, Priority: nftables.ChainPriorityNATDest,
	})
	add := func(parts ...[]expr.Any) {
		conn.AddRule(&nftables.Rule{Table: t, Chain: chain, Exprs: rule(parts...)})
	}
	if c.Listener.IsValid() {
		to := []expr.Any{
			&expr.Immediate{Register: reg, Data: c.Listener.Addr().AsSlice()},
			&expr.Immediate{Register: 2, Data: binary.BigEndian.AppendUint16(nil, c.Listener.Port())},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: reg, RegProtoMin: 2},
		}
		for _, protocol := range []byte{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
			add(v4(), destination(netip.PrefixFrom(c.Asked, 32)), transport(protocol), destinationPort(53), to)
		}
	}
	if c.Relay != 0 {
		add([]expr.Any{&expr.Meta{Key: expr.MetaKeyMARK, Register: reg}, &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: binaryutil.NativeEndian.PutUint32(PassMark)}}, verdict(expr.VerdictReturn))
		add([]expr.Any{&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: reg}, &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: iface16("lo")}}, verdict(expr.VerdictReturn))
		for _, p := range c.Direct {
			of := v4()
			if p.Addr().Is6() {
				of = v6()
			}
			add(of, destination(p), verdict(expr.VerdictReturn))
		}
		add(v4(), transport(unix.IPPROTO_TCP), []expr.Any{
			&expr.Immediate{Register: reg, Data: binary.BigEndian.AppendUint16(nil, c.Relay)}, &expr.Redir{RegisterProtoMin: reg},
		})
	}
	return conn.Flush()
}

// destination matches packets to an address of p.
func destination(p netip.Prefix) []expr.Any {
	offset, length := uint32(16), uint32(4)
	if p.Addr().Is6() {
		offset, length = 24, 16
	}
	mask := make([]byte, length)
	for i := range p.Bits() {
		mask[i/8] |= 0x80 >> (i % 8)
	}
	return []expr.Any{
		&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: length},
		&expr.Bitwise{SourceRegister: reg, DestRegister: reg, Len: length, Mask: mask, Xor: make([]byte, length)},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: p.Masked().Addr().AsSlice()},
	}
}

func transport(protocol byte) []expr.Any {
	return []expr.Any{&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: reg}, &expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: []byte{protocol}}}
}

func destinationPort(port uint16) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg, Data: binary.BigEndian.AppendUint16(nil, port)},
	}
}
