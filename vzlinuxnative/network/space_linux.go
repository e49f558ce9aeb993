package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/nft"
	"vz.internal/vzlinuxnative/network/internal/nsthread"
	"vz.internal/vzlinuxnative/network/uplink"
)

// A home is where a manager's bridges, rules and routes are, if that is not the network
// namespace of its process: one that the same user owns, while what others see of the
// host, its ports and its resolvers, is in the process's.
type home struct {
	users  int             // guarded by Manager.mu: sandboxes that have not left
	space  *nsthread.Space // guarded by Manager.mu; nil until somebody needs it
	uplink *uplink.Uplink  // guarded by Manager.mu; nil until somebody needs it
}

// apart tells whether the manager's networks are in another namespace than the process.
func (m *Manager) apart() bool { return m.opts.Namespace != nil }

// inside runs do where the manager's networks are. Goroutines that do starts are not
// there. It may be nested.
func (m *Manager) inside(do func() error) error {
	if !m.apart() {
		return do()
	}
	m.mu.Lock()
	space := m.home.space
	if space != nil {
		m.home.users++
	}
	m.mu.Unlock()
	if space != nil {
		defer m.exit()
		return space.Do(do)
	}
	ns, err := m.opts.Namespace()
	if err != nil {
		return fmt.Errorf("network namespace of the session: %w", err)
	}
	defer ns.Close()
	return nsthread.In(ns, do)
}

// outside runs do in the process's own network namespace, also within inside.
func (m *Manager) outside(do func() error) error {
	if !m.apart() {
		return do()
	}
	done := make(chan error, 1)
	go func() { done <- do() }()
	return <-done
}

// enter keeps the namespace until as many have left as entered, and what they left is
// swept.
func (m *Manager) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.apart() && m.home.space == nil {
		ns, err := m.opts.Namespace()
		if err != nil {
			return fmt.Errorf("network namespace of the session: %w", err)
		}
		space := nsthread.NewSpace(ns)
		if err := space.Do(prepare); err != nil {
			return errors.Join(err, space.Close())
		}
		m.home.space = space
	}
	m.home.users++
	return nil
}

// prepare makes a new namespace one that can lead out.
func prepare() error {
	if err := nft.Available(); err != nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "networks of an ordinary user need nftables, which this kernel does not let them have: %w; use --network none or host", err)
	}
	return setLoopbackUp()
}

// exit undoes enter, and gives the namespace up when nobody needs it any more.
func (m *Manager) exit() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.home.users--
	if m.home.users > 0 || m.left.mark != nil {
		return
	}
	h := m.home
	m.home = home{}
	if h.uplink != nil {
		_ = h.uplink.Close()
	}
	if h.space != nil {
		_ = h.space.Close()
	}
}

func setLoopbackUp() error {
	if err := netlink.LinkSetUp(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: 1}}); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// leadOut makes that the namespace is led out for places of which one needs it. The
// caller has entered.
func (m *Manager) leadOut(ctx context.Context, places []*place) error {
	if !m.apart() || (&Sandbox{places: places}).outward() == nil {
		return nil
	}
	return m.outside(func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.home.uplink != nil {
			return nil
		}
		dir := cmp.Or(m.opts.UplinkDir, m.opts.RunDir)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		u, err := uplink.Join(ctx, uplink.Options{
			Dir: dir, Namespace: m.home.space.Namespace(), Keeper: m.opts.Keeper, Note: m.opts.Note,
		})
		if err == nil {
			m.home.uplink = u
		}
		return err
	})
}

// plainTCP makes the connections of a container in ns ones that the uplink is good for:
// its programs answer without SACK and timestamps, and what BBR, the default of some
// hosts, loses then stalls it for seconds. It is no error where that cannot be set.
func (m *Manager) plainTCP(ns *os.File) {
	if !m.apart() {
		return
	}
	_ = nsthread.In(ns, func() error {
		const file = procNet + "ipv4/tcp_congestion_control"
		now, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(now), "bbr") {
			return err
		}
		return os.WriteFile(file, []byte("reno"), 0) // the one that everybody may choose
	})
}

// hostAddress is the host's own address by which it talks to others, and at which
// containers in a namespace apart reach it.
func (m *Manager) hostAddress() (a netip.Addr) {
	_ = m.outside(func() error {
		somewhere := net.IPv4(192, 0, 2, 1) // nobody's
		routes, err := netlink.RouteGet(somewhere)
		if err == nil && len(routes) > 0 {
			a, _ = netip.AddrFromSlice(routes[0].Src)
		}
		return err
	})
	return a.Unmap()
}
