package network

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The kernel takes tens of milliseconds to end an interface. So what containers
// leave behind is only made harmless at first: their interfaces are down, their
// addresses free, and a bridge that nobody uses stays for who comes next, until
// the process that left it sweeps.
type idle struct {
	mark     *os.File            // locked, so that others see that this will go
	links    []int               // indices of interfaces that are down
	networks map[string]*network // by id
}

// postpone adds to what is left to sweep.
func (m *Manager) postpone(add func(left *idle)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left.mark == nil {
		mark, err := m.lockMark(unix.LOCK_SH)
		if err != nil {
			return err
		}
		m.left.mark = mark
	}
	add(&m.left)
	return nil
}

// lockMark opens and locks the file of those who are about to sweep.
func (m *Manager) lockMark(how int) (*os.File, error) {
	if err := os.MkdirAll(m.opts.RunDir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(m.opts.RunDir, "sweep.lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(err, f.Close())
		}
	}
}

// sweeping tells whether a living process is about to sweep.
func (m *Manager) sweeping() bool {
	f, err := m.lockMark(unix.LOCK_EX | unix.LOCK_NB)
	if err != nil {
		return errors.Is(err, unix.EWOULDBLOCK)
	}
	_ = f.Close() // only looked at
	return false
}

// Linger is Sweep, after a pause if there is something to sweep: the next
// container may come and find the bridge standing, and the kernel ends the
// interfaces of many namespaces at once in less time than one by one. It is for
// a process that has told everybody that its container is gone.
func (m *Manager) Linger(ctx context.Context, pause time.Duration) error {
	m.mu.Lock()
	waits := m.left.mark != nil
	m.mu.Unlock()
	if waits {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return m.Sweep(context.WithoutCancel(ctx))
}

// Sweep removes what the sandboxes of this manager left when they left: ends of
// interfaces, bridges and rules of networks that nobody is on, also of those
// that a killed process left.
func (m *Manager) Sweep(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	left := m.left
	m.left = idle{}
	m.home.users++
	m.mu.Unlock()
	defer m.exit()
	if left.mark == nil {
		return nil
	}
	return m.inside(func() error { return m.sweep(left) })
}

func (m *Manager) sweep(left idle) error {
	var err error
	for _, index := range left.links {
		err = errors.Join(err, deleteIndex(index))
	}
	err = errors.Join(err, m.locked(func() error { return m.sweepNetworks(left.networks) }))
	return errors.Join(err, left.mark.Close())
}

// sweepNetworks takes down what has no lease. The caller holds the lock.
func (m *Manager) sweepNetworks(idle map[string]*network) error {
	all, err := m.networks()
	for _, n := range all {
		if _, known := idle[n.Info.ID]; !known && len(n.Leases) == 0 && m.ready(n) != nil {
			err = errors.Join(err, m.takeDown(n)) // left by a process that was killed
		}
	}
	for _, known := range idle {
		n, loadErr := m.reload(known)
		if loadErr == nil && len(n.Leases) == 0 {
			loadErr = m.takeDown(n)
		}
		err = errors.Join(err, loadErr)
	}
	return err
}

// sweepStray takes down bridges that nobody is on and nobody is about to sweep.
func (m *Manager) sweepStray() error {
	if m.sweeping() {
		return nil
	}
	return m.locked(func() error { return m.sweepNetworks(nil) })
}

// reload reads a network again; of one whose description is gone by now the
// known one holds. The caller holds the lock.
func (m *Manager) reload(known *network) (*network, error) {
	n, err := m.load(known.Info.ID)
	if errors.Is(err, fs.ErrNotExist) {
		var j journal
		j, err = readJournal(m.leaseFile(known.Info.ID))
		n = &network{Info: known.Info, Leases: j.leases, lines: j.lines, torn: j.torn}
	}
	return n, err
}

// reuse takes networks that are in use again off what is left to sweep.
func (m *Manager) reuse(places []*place) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range places {
		delete(m.left.networks, p.net.Info.ID)
	}
	if m.left.mark == nil || len(m.left.networks)+len(m.left.links) > 0 {
		return nil
	}
	mark := m.left.mark
	m.left = idle{}
	return mark.Close()
}

// quiet sets a container's end of a veth pair down, to be deleted by Sweep
// unless it goes with the container's namespace. One that is gone, or somebody
// else's, is left alone.
func (m *Manager) quiet(name, container string) error {
	l, err := netlink.LinkByName(name)
	if err != nil || l.Attrs().Alias != "" && l.Attrs().Alias != m.alias(container) {
		return nil
	}
	if err := netlink.LinkSetDown(l); err != nil {
		if errors.Is(err, unix.ENODEV) {
			return nil
		}
		return fmt.Errorf("set %s down: %w", name, err)
	}
	return m.postpone(func(left *idle) { left.links = append(left.links, l.Attrs().Index) })
}

func deleteIndex(index int) error {
	return deleteLink(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: strconv.Itoa(index), Index: index}})
}

// deleteLink deletes an interface. One that has gone meanwhile, with the
// namespace that held the other end, is as good.
func deleteLink(l netlink.Link) error {
	if err := netlink.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete interface %s: %w", l.Attrs().Name, err)
	}
	return nil
}
