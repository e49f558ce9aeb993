package network

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract/statefile"
)

// A sandbox holds a lock of this name while its process lives, so that others
// can tell a lease in use from one that a killed process left.
func (m *Manager) aliveFile(container string) string {
	return filepath.Join(m.opts.RunDir, "alive", container)
}

// claim marks a container as served by this process.
func (m *Manager) claim(container string) (*os.File, error) {
	path := m.aliveFile(container)
	if !filepath.IsLocal(container) || strings.ContainsRune(container, '/') {
		return nil, invalid("container id %q is not a name", container)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, conflict("container %s has its networks already", container)
		}
		return nil, err
	}
	return f, nil
}

// unclaim ends a claim; f may be nil.
func (m *Manager) unclaim(container string, f *os.File) error {
	if f == nil {
		return nil
	}
	err := os.Remove(m.aliveFile(container))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, f.Close())
}

// served tells whether a living process serves the container.
func (m *Manager) served(container string) bool {
	f, err := statefile.Open(m.aliveFile(container))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// dead tells whether a lease is left over for certain: nobody serves it, and
// its interface went with the container's network namespace. A container whose
// monitor was killed keeps its lease while it runs.
func (m *Manager) dead(container string, l *lease) bool {
	if m.served(container) {
		return false
	}
	_, err := netlink.LinkByName(l.Link)
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing)
}

// dropDead removes leases that are left over, and their ports. The caller holds
// the lock.
func (m *Manager) dropDead(n *network) error {
	var gone []*place
	var err error
	for id, l := range n.Leases {
		if m.dead(id, l) {
			gone = append(gone, &place{net: n, lease: l})
			delete(n.Leases, id)
			err = errors.Join(err, m.saveLease(n, id))
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return errors.Join(err, m.unpolice(gone), m.unpublishTo(gone))
}
