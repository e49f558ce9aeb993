//go:build linux

package network

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

// routeIn adds a route inside ns.
func routeIn(t testing.TB, ns *os.File, to, via string) {
	t.Helper()
	require.NoError(t, hosttest.In(t, ns, func() error {
		dst, err := netlink.ParseIPNet(to)
		if err != nil {
			return err
		}
		gw, err := netlink.ParseAddr(via + "/32")
		if err != nil {
			return err
		}
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		return netlink.RouteReplace(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: dst, Gw: gw.IP})
	}))
}

// nothingLeft checks that the test's host has no interface but loopback and
// the uplink, no rule, no lease.
func nothingLeft(t testing.TB, m *Manager) {
	t.Helper()
	links, err := whole(netlink.LinkList)
	require.NoError(t, err)
	for _, l := range links {
		switch l.Attrs().Name {
		case "lo", "up0", "ifb0", "ifb1":
		default:
			t.Errorf("interface %s is left (%s)", l.Attrs().Name, l.Attrs().Alias)
		}
	}
	names, err := nft.Tables()
	require.NoError(t, err)
	require.Empty(t, names, "nftables tables are left")
	files, err := filepath.Glob(filepath.Join(m.opts.RunDir, "*.leases"))
	require.NoError(t, err)
	alive, err := filepath.Glob(filepath.Join(m.opts.RunDir, "alive", "*"))
	require.NoError(t, err)
	require.Empty(t, append(files, alive...), "leases are left")
}

func TestNothingLeft(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	ctx := context.Background()
	var all []*Sandbox
	for _, id := range []string{"a", "b"} {
		s, err := m.Reserve(ctx, Request{ContainerID: id, Networks: on(DefaultNetwork), PublishAll: true, Exposed: []string{"80/tcp", "80/udp"}})
		require.NoError(t, err)
		require.NoError(t, s.Connect(ctx, hosttest.Namespace(t)))
		all = append(all, s)
	}
	for _, s := range all {
		require.NoError(t, s.Close(ctx))
		require.NoError(t, s.Close(ctx))
	}
	nothingLeft(t, m)
	s, err := m.Reserve(ctx, Request{ContainerID: "a", Networks: on(DefaultNetwork)})
	require.NoError(t, err)
	require.NoError(t, s.Close(ctx))
	nothingLeft(t, m)
}
