package nft

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
	"vz.internal/vzlinuxnative/network/internal/ipam"
)

// A Network is a bridge as the rules see it.
type Network struct {
	Bridge   string
	Subnets  []netip.Prefix
	Internal bool
}

func (t *Table) elements(n Network, do func(s *nftables.Set, vals []nftables.SetElement) error) error {
	name := iface16(n.Bridge)
	add := func(k setKind, vals ...nftables.SetElement) error { return do(t.set(k), vals) }
	if err := add(bridges, nftables.SetElement{Key: name}); err != nil {
		return err
	}
	if err := add(pairs, nftables.SetElement{Key: append(iface16(n.Bridge), name...)}); err != nil {
		return err
	}
	if n.Internal {
		if err := add(internal, nftables.SetElement{Key: name}); err != nil {
			return err
		}
	}
	for _, p := range n.Subnets {
		of, outward := subnets4, outward4
		if p.Addr().Is6() {
			of, outward = subnets6, outward6
		}
		if err := add(of, interval(p)...); err != nil {
			return err
		}
		if n.Internal {
			continue
		}
		if err := add(outward, interval(p)...); err != nil {
			return err
		}
	}
	return nil
}

// AddNetwork lets a bridge's network work; one that is there already stays.
func (t *Table) AddNetwork(n Network) error {
	fill := func(c *nftables.Conn) error { return t.elements(n, c.SetAddElements) }
	if there, err := t.exists(); err == nil && !there {
		if err := t.create(fill); !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	return t.with(fill)
}

// RemoveNetwork takes out what AddNetwork put in.
func (t *Table) RemoveNetwork(n Network) error {
	err := remove(func(c *nftables.Conn) error { return t.elements(n, c.SetDeleteElements) })
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// list reads a set; without the table it is empty.
func (t *Table) list(k setKind) ([]nftables.SetElement, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, err
	}
	vals, err := c.GetSetElements(t.set(k))
	if err == nil {
		return vals, nil
	}
	if names, listErr := Tables(); listErr == nil && !slices.Contains(names, t.name) {
		return nil, nil // the library does not wrap the kernel's error
	}
	return nil, fmt.Errorf("list nftables set %s: %w", k, err)
}

func iface16(name string) []byte {
	b := make([]byte, ifaceSize)
	copy(b, name)
	return b
}

func interval(p netip.Prefix) []nftables.SetElement {
	start, end := p.Masked().Addr(), ipam.Last(p).Next()
	vals := []nftables.SetElement{{Key: start.AsSlice()}}
	if end.IsValid() {
		vals = append(vals, nftables.SetElement{Key: end.AsSlice(), IntervalEnd: true})
	}
	return vals
}
