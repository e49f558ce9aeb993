package nft

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// How many elements go in one message, which has a length of 16 bits, and in one
// transaction.
const (
	chunk = 200
	most  = 1000
)

// Pin lets containers reach addresses for a time. What they may reach already they may
// as long as before.
func (t *Table) Pin(pins []Pin) error {
	return t.eachPin(pins, func(set *nftables.Set, vals []nftables.SetElement) error {
		return change(func(c *nftables.Conn) error { return c.SetAddElements(set, vals) })
	})
}

// Repin is Pin for addresses that most likely may be reached already: their time begins
// anew. An element goes and comes, as not every kernel changes the time of one that
// stays.
func (t *Table) Repin(pins []Pin) error {
	return t.eachPin(pins, func(set *nftables.Set, vals []nftables.SetElement) error {
		err := change(func(c *nftables.Conn) error {
			return errors.Join(c.SetDeleteElements(set, vals), c.SetAddElements(set, vals))
		})
		if !errors.Is(err, unix.ENOENT) {
			return err
		}
		for _, v := range vals { // one has ended
			one := []nftables.SetElement{v}
			err := change(func(c *nftables.Conn) error {
				return errors.Join(c.SetDeleteElements(set, one), c.SetAddElements(set, one))
			})
			if errors.Is(err, unix.ENOENT) {
				err = change(func(c *nftables.Conn) error { return c.SetAddElements(set, one) })
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *Table) eachPin(pins []Pin, do func(set *nftables.Set, vals []nftables.SetElement) error) error {
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
		for part := range slices.Chunk(vals, chunk) {
			if err := do(sets[at], part); err != nil {
				return fmt.Errorf("let addresses be reached: %w", err)
			}
		}
	}
	return nil
}
