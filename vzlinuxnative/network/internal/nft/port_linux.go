package nft

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// A Port sends one host port on to a container.
type Port struct {
	Protocol byte // unix.IPPROTO_TCP or IPPROTO_UDP
	// Host is the address and port outside; an unspecified address is every
	// local one of its family.
	Host netip.AddrPort
	// Target is of the same family.
	Target netip.AddrPort
}

func (p Port) element() (setKind, nftables.SetElement) {
	address := p.Host.Addr()
	kind := port4
	var key []byte
	switch {
	case address.IsUnspecified() && address.Is4():
		kind = anyport4
	case address.IsUnspecified():
		kind = anyport6
	case address.Is6():
		kind = port6
	}
	if !address.IsUnspecified() {
		key = address.AsSlice()
	}
	key = append(key, p.Protocol, 0, 0, 0)
	key = append(key, port16(p.Host.Port())...)
	return kind, nftables.SetElement{Key: key, Val: append(p.Target.Addr().AsSlice(), port16(p.Target.Port())...)}
}

// port16 is a port in a register of its own.
func port16(n uint16) []byte { return append(binary.BigEndian.AppendUint16(nil, n), 0, 0) }

// Publish adds ports; one that leads elsewhere is led here. The caller holds
// the host's ports, so what is in the way is left over.
func (t *Table) Publish(ports []Port) error {
	if len(ports) == 0 {
		return nil
	}
	err := t.with(func(c *nftables.Conn) error { return t.each(ports, c.SetAddElements) })
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	for _, p := range ports {
		one := []Port{p}
		if err := t.Unpublish(one); err != nil {
			return err
		}
		if err := change(func(c *nftables.Conn) error { return t.each(one, c.SetAddElements) }); err != nil {
			return err
		}
	}
	return nil
}

// Unpublish removes ports. One that is gone already, or leads elsewhere by
// now, is not an error.
func (t *Table) Unpublish(ports []Port) error {
	if len(ports) == 0 {
		return nil
	}
	takeOut := func(ports []Port) error {
		return remove(func(c *nftables.Conn) error { return t.each(ports, c.SetDeleteElements) })
	}
	err := takeOut(ports)
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	for _, p := range ports {
		if err := takeOut([]Port{p}); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}

func (t *Table) each(ports []Port, do func(s *nftables.Set, vals []nftables.SetElement) error) error {
	all := map[setKind][]nftables.SetElement{}
	for _, p := range ports {
		kind, e := p.element()
		all[kind] = append(all[kind], e)
	}
	for _, kind := range setKinds {
		if len(all[kind]) == 0 {
			continue
		}
		if err := do(t.set(kind), all[kind]); err != nil {
			return err
		}
	}
	return nil
}

// Ports lists what is published.
func (t *Table) Ports() ([]Port, error) {
	var ports []Port
	for _, kind := range []setKind{port4, port6, anyport4, anyport6} {
		vals, err := t.list(kind)
		if err != nil {
			return nil, err
		}
		for _, v := range vals {
			if p, ok := parse(kind, v); ok {
				ports = append(ports, p)
			}
		}
	}
	return ports, nil
}

func parse(kind setKind, v nftables.SetElement) (Port, bool) {
	size, host := 4, netip.IPv4Unspecified()
	if kind == port6 || kind == anyport6 {
		size, host = 16, netip.IPv6Unspecified()
	}
	key := v.Key
	if kind == port4 || kind == port6 {
		if len(key) < size {
			return Port{}, false
		}
		host, _ = netip.AddrFromSlice(key[:size])
		key = key[size:]
	}
	if len(key) < 6 || len(v.Val) < size+2 {
		return Port{}, false
	}
	to, _ := netip.AddrFromSlice(v.Val[:size])
	return Port{
		Protocol: key[0], Host: netip.AddrPortFrom(host, binary.BigEndian.Uint16(key[4:])),
		Target: netip.AddrPortFrom(to, binary.BigEndian.Uint16(v.Val[size:])),
	}, true
}
