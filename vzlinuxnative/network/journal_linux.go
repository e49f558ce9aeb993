package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"vz.internal/vzcontract/statefile"
)

// Leases are kept as a journal: a line for each change, the last one of a
// container holds. Replacing a whole file makes some file systems write to the
// disk at once, which all containers that start would wait for.
type change struct {
	ID    string `json:"id"`
	Lease *lease `json:"lease,omitempty"` // nil: the container has left
}

// slack is how many lines beyond two for each lease a journal may have.
const slack = 200

// journal is what a lease file says.
type journal struct {
	leases map[string]*lease
	lines  int
	torn   bool // the last line is not complete: its writer was killed
}

func readJournal(path string) (journal, error) {
	j := journal{leases: map[string]*lease{}}
	data, err := statefile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return j, err
	}
	for line := range bytes.Lines(data) {
		if line[len(line)-1] != '\n' {
			j.torn = true
			break
		}
		var c change
		if err := json.Unmarshal(line, &c); err != nil {
			return j, fmt.Errorf("%s is damaged: %w", path, err)
		}
		j.lines++
		if c.Lease == nil {
			delete(j.leases, c.ID)
		} else {
			j.leases[c.ID] = c.Lease
		}
	}
	return j, nil
}

// saveLease writes what n.Leases says of a container. The caller holds the
// lock since it loaded n.
func (m *Manager) saveLease(n *network, container string) error {
	path := m.leaseFile(n.Info.ID)
	if len(n.Leases) == 0 {
		n.lines, n.torn = 0, false
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if n.torn || n.lines > 2*len(n.Leases)+slack {
		return m.rewriteLeases(n)
	}
	line, err := json.Marshal(change{ID: container, Lease: n.Leases[container]})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	n.lines++
	return errors.Join(err, f.Close())
}

// rewriteLeases replaces the journal by one without history.
func (m *Manager) rewriteLeases(n *network) error {
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for id, l := range n.Leases {
		if err := lines.Encode(change{ID: id, Lease: l}); err != nil {
			return err
		}
	}
	if err := replaceFile(m.leaseFile(n.Info.ID), b.Bytes()); err != nil {
		return err
	}
	n.lines, n.torn = len(n.Leases), false
	return nil
}
