package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// A network is one network with those who are on it.
type network struct {
	Info vzcontract.NetworkInfo
	// Leases maps container ids to what they hold.
	Leases map[string]*lease

	lines int  // of the lease file
	torn  bool // its last line is not complete
}

// A lease is a container's place on a network, from before its address is
// used until after it no longer is.
type lease struct {
	Endpoint vzcontract.NetworkEndpoint `json:"endpoint"`
	// Link is the host's end of the veth pair.
	Link string `json:"link"`
	// Policed: rules hold the container to its egress policy.
	Policed  bool     `json:"policed,omitempty"`
	Name     string   `json:"name"`
	Hostname string   `json:"hostname,omitempty"`
	Aliases  []string `json:"aliases,omitempty"`
}

// locked runs do while no other process changes networks or leases.
func (m *Manager) locked(do func() error) error {
	if err := os.MkdirAll(m.opts.RunDir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(m.opts.RunDir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return do()
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}

// lockedInside is locked, where the networks are.
func (m *Manager) lockedInside(do func() error) error {
	return m.inside(func() error { return m.locked(do) })
}

// networks reads all networks, the default one included. Those whose files are
// damaged are left out: they must not stand in the way of others.
func (m *Manager) networks() ([]*network, error) {
	all, _, err := m.scan()
	return all, err
}

// scan reads all networks, and those that are damaged apart.
func (m *Manager) scan() (all []*network, broken []damage, err error) {
	entries, err := os.ReadDir(m.opts.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || strings.HasPrefix(id, ".") {
			continue
		}
		n, err := m.load(id)
		switch {
		case err == nil:
			all = append(all, n)
		case errors.Is(err, fs.ErrNotExist):
			// removed meanwhile
		case errors.Is(err, fs.ErrPermission):
			return nil, nil, err
		default:
			broken = append(broken, m.damageOf(id, err))
		}
	}
	return all, broken, nil
}

func (m *Manager) load(id string) (*network, error) {
	n := &network{}
	file := filepath.Join(m.opts.Dir, id+".json")
	if err := readJSON(file, &n.Info); err != nil {
		return nil, err
	}
	if n.Info.ID != id {
		return nil, fmt.Errorf("%s is damaged: it is of network %q", file, n.Info.ID)
	}
	j, err := readJournal(m.leaseFile(id))
	n.Leases, n.lines, n.torn = j.leases, j.lines, j.torn
	return n, err
}

func (m *Manager) leaseFile(id string) string { return filepath.Join(m.opts.RunDir, id+".leases") }

// saveInfo writes the description of n. The caller holds the lock.
func (m *Manager) saveInfo(n *network) error {
	if err := os.MkdirAll(m.opts.Dir, 0o700); err != nil {
		return err
	}
	return writeJSON(filepath.Join(m.opts.Dir, n.Info.ID+".json"), n.Info)
}

func readJSON(path string, v any) error {
	data, err := statefile.Read(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return replaceFile(path, data)
}

// replaceFile replaces a file in one step. The lock is held, so the temporary
// name is nobody else's and one that a killed process left is overwritten.
func replaceFile(path string, data []byte) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
