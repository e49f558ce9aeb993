package nft

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// chunk is how many elements go in one message: it has a length of 16 bits.
const chunk = 200

// Pin lets containers reach addresses for a time, from now on where they may already.
func (t *Table) Pin(pins []Pin) error {
	type in struct {
		family nftables.TableFamily
		name   string
		v      string
	}
	all := map[in][]nftables.SetElement{}
	sets := map[in]*nftables.Set{}
	for _, p := range pins {
		name, key := pinHost, append(p.From.AsSlice(), p.To.AsSlice()...)
		if p.Port != 0 {
			name, key = pinPort, append(append(key, p.Protocol, 0, 0, 0), port16(p.Port)...)
		}
		for _, family := range egressFamilies {
			if family == nftables.TableFamilyNetdev && !p.Near {
				continue
			}
			v := version(p.To)
			at := in{family, name, v.suffix}
			sets[at] = t.egressSet(family, name, v)
			all[at] = append(all[at], nftables.SetElement{Key: key, Timeout: p.Timeout})
		}
	}
	for at, vals := range all {
		for len(vals) > 0 {
			n := min(len(vals), chunk)
			if err := pin(sets[at], vals[:n]); err != nil {
				return fmt.Errorf("let addresses be reached: %w", err)
			}
			vals = vals[n:]
		}
	}
	return nil
}

// pin adds elements with new times. An old one has to go first: not every kernel
// changes the time of one that stays.
func pin(set *nftables.Set, vals []nftables.SetElement) error {
	err := change(func(c *nftables.Conn) error { return c.SetAddElements(set, vals) })
	if err != nil {
		return err
	}
	err = change(func(c *nftables.Conn) error {
		return errors.Join(c.SetDeleteElements(set, vals), c.SetAddElements(set, vals))
	})
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	// One ended just now.
	return change(func(c *nftables.Conn) error { return c.SetAddElements(set, vals) })
}

func (t *Table) elementsOf(family nftables.TableFamily, name string, v ipVersion) ([]nftables.SetElement, error) {
	there, err := tableExists(t.egress(family))
	if err != nil || !there {
		return nil, err
	}
	c, err := nftables.New()
	if err != nil {
		return nil, err
	}
	vals, err := c.GetSetElements(t.egressSet(family, name, v))
	if err != nil {
		return nil, fmt.Errorf("list nftables set %s: %w", name+v.suffix, err)
	}
	return vals, nil
}

// dropPins removes the pins of a container.
func (t *Table) dropPins(family nftables.TableFamily, name string, from netip.Addr) error {
	return t.dropElements(family, name, version(from), func(k []byte) bool { return string(k[:from.BitLen()/8]) == string(from.AsSlice()) })
}

// dropElements removes the elements of a set whose keys are mine. They may end by
// themselves meanwhile.
func (t *Table) dropElements(family nftables.TableFamily, name string, v ipVersion, mine func(key []byte) bool) error {
	for try := 0; ; try++ {
		vals, err := t.elementsOf(family, name, v)
		if err != nil {
			return err
		}
		var left []nftables.SetElement
		for _, val := range vals {
			if mine(val.Key) {
				left = append(left, nftables.SetElement{Key: val.Key, VerdictData: val.VerdictData})
			}
		}
		for len(left) > 0 && err == nil {
			n := min(len(left), chunk)
			err = remove(func(c *nftables.Conn) error { return c.SetDeleteElements(t.egressSet(family, name, v), left[:n]) })
			left = left[n:]
		}
		if !errors.Is(err, unix.ENOENT) || try == 10 {
			return err
		}
	}
}
