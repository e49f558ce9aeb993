package network

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"vz.internal/vzcontract"
)

// A damage is a network whose description or leases cannot be read.
type damage struct {
	id  string
	err error
	// leases are those that can be read.
	leases map[string]*lease
}

func (m *Manager) damageOf(id string, err error) damage {
	j, _ := readJournal(m.leaseFile(id)) // as far as it goes
	return damage{id: id, err: err, leases: j.leases}
}

// explain returns err, or where there are damaged networks one of which may be
// meant, their damage.
func explain(err error, broken []damage) error {
	if len(broken) == 0 {
		return err
	}
	errs := make([]error, len(broken))
	for i, d := range broken {
		errs[i] = d.err
	}
	return vzcontract.Errorf(vzcontract.ErrInternal, "%w; vz doctor --repair moves it aside", errors.Join(errs...))
}

// fault is how the damage is told and put right: the description is moved
// aside, and leases keep what can be read of them.
func (m *Manager) damageFault(d damage) fault {
	return fault{d.err.Error(), func() error {
		return m.locked(func() error {
			n, err := m.load(d.id)
			if err == nil {
				return nil // somebody else did
			}
			if n != nil && n.Info.ID == d.id { // only the leases are damaged
				n.Leases = d.leases
				return m.rewriteLeases(n)
			}
			aside := filepath.Join(filepath.Dir(m.opts.Dir), "damaged")
			if err := os.MkdirAll(aside, 0o700); err != nil {
				return err
			}
			name := "network-" + d.id + "-" + time.Now().UTC().Format("20060102T150405.000000000")
			return os.Rename(filepath.Join(m.opts.Dir, d.id+".json"), filepath.Join(aside, name))
		})
	}}
}
