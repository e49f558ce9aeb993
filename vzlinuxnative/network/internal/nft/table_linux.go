package nft

import (
	"errors"
	"fmt"
	"sync"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// A Table is one table of family inet. Its methods are safe for concurrent
// use, also by several processes; only Delete needs that nobody adds a network
// at the same time.
type Table struct{ name string }

// New returns the table with a name. It does no I/O.
func New(name string) *Table { return &Table{name: name} }

// creation guards the library's counter of set ids.
var creation sync.Mutex

func (t *Table) table() *nftables.Table {
	return &nftables.Table{Family: nftables.TableFamilyINet, Name: t.name}
}

func (t *Table) set(kind setKind) *nftables.Set {
	s := kind.set()
	s.Table = t.table()
	return s
}

// change sends one transaction.
func change(fill func(c *nftables.Conn) error) error {
	c, err := nftables.New()
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	if err := fill(c); err != nil {
		return err
	}
	return c.Flush()
}

// remove sends one transaction that takes things out. They are out when it
// returns; the kernel, which closes the socket only once all processors have
// forgotten them, is not waited for.
func remove(fill func(c *nftables.Conn) error) error {
	c, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return fmt.Errorf("open nftables: %w", err)
	}
	defer func() {
		go func() { _ = c.CloseLasting() }() // nothing is left to fail
	}()
	if err := fill(c); err != nil {
		return err
	}
	return c.Flush()
}

// create makes the table, complete, with what fill adds to it. One that exists
// is unix.EEXIST.
func (t *Table) create(fill func(c *nftables.Conn) error) error {
	creation.Lock()
	defer creation.Unlock()
	err := change(func(c *nftables.Conn) error {
		table := c.CreateTable(t.table())
		for _, kind := range setKinds {
			s := kind.set()
			s.Table = table
			if err := c.AddSet(s, nil); err != nil {
				return err
			}
		}
		addChains(c, table)
		return fill(c)
	})
	if err != nil {
		return fmt.Errorf("make nftables table inet %s: %w", t.name, err)
	}
	return nil
}

// exists tells whether the table is there. The kernel answers this at once,
// while it takes many milliseconds to give up a transaction.
func (t *Table) exists() (bool, error) { return tableExists(t.table()) }

func tableExists(t *nftables.Table) (bool, error) {
	c, err := nftables.New()
	if err != nil {
		return false, fmt.Errorf("open nftables: %w", err)
	}
	_, err = c.ListTableOfFamily(t.Name, t.Family)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return err == nil, err
}

// with sends a transaction and, when the table is missing, makes it too.
func (t *Table) with(fill func(c *nftables.Conn) error) error {
	err := change(fill)
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := t.create(fill); !errors.Is(err, unix.EEXIST) {
		return err
	}
	return change(fill)
}

// Delete removes the table with all that is in it, and those of egress.
func (t *Table) Delete() error {
	err := remove(func(c *nftables.Conn) error { c.DelTable(t.table()); return nil })
	if errors.Is(err, unix.ENOENT) {
		err = nil
	}
	return errors.Join(err, t.deleteEgress())
}

// Available tells whether the kernel has nftables.
func Available() error {
	c, err := nftables.New()
	if err != nil {
		return err
	}
	_, err = c.ListTablesOfFamily(nftables.TableFamilyINet)
	return err
}

// Tables lists the names of all tables of the families inet and netdev, whoever made
// them.
func Tables() ([]string, error) {
	c, err := nftables.New()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, family := range egressFamilies {
		tables, listErr := c.ListTablesOfFamily(family)
		err = errors.Join(err, listErr)
		for _, t := range tables {
			names = append(names, t.Name)
		}
	}
	return names, err
}
