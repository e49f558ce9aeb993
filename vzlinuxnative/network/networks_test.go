//go:build linux

package network

import (
	"context"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

func TestCreate(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	ctx := context.Background()
	addRoute(t, "10.88.1.0/25") // a VPN's, say
	made, err := m.Create(ctx, vzcontract.NetworkConfig{
		Name: "net", Subnets: []string{"10.213.7.0/24", "fd00:7::/64"}, Gateways: []string{"10.213.7.254"}, Ranges: []string{"10.213.7.128/26"},
		MTU: 1300, Labels: map[string]string{"a": "b"},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"10.213.7.254", "fd00:7::1"}, made.Gateways)
	require.True(t, made.IPv6)
	require.LessOrEqual(t, len(made.Interface), 15)

	tests := []struct {
		name string
		cfg  vzcontract.NetworkConfig
		want error
	}{
		{"name in use", vzcontract.NetworkConfig{Name: "net"}, vzcontract.ErrConflict},
		{"predefined", vzcontract.NetworkConfig{Name: "bridge"}, vzcontract.ErrConflict},
		{"predefined", vzcontract.NetworkConfig{Name: "none"}, vzcontract.ErrConflict},
		{"bad name", vzcontract.NetworkConfig{Name: "a/b"}, vzcontract.ErrValidation},
		{"long name", vzcontract.NetworkConfig{Name: strings.Repeat("a", 200)}, vzcontract.ErrValidation},
		{"no name", vzcontract.NetworkConfig{}, vzcontract.ErrValidation},
		{"overlap", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.213.0.0/16"}}, vzcontract.ErrConflict},
		{"routed", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.88.1.0/24"}}, vzcontract.ErrConflict},
		{"no prefix", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.9.0.0"}}, vzcontract.ErrValidation},
		{"host bits", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.9.0.1/24"}}, vzcontract.ErrValidation},
		{"too small", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.9.0.0/31"}}, vzcontract.ErrValidation},
		{"too large", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"0.0.0.0/0"}}, vzcontract.ErrValidation},
		{"multicast", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"224.0.0.0/24"}}, vzcontract.ErrValidation},
		{"two of a family", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.9.0.0/24", "10.9.1.0/24"}}, vzcontract.ErrValidation},
		{"gateway elsewhere", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.9.0.0/24"}, Gateways: []string{"10.8.0.1"}}, vzcontract.ErrValidation},
		{"gateway is broadcast", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.9.0.0/24"}, Gateways: []string{"10.9.0.255"}}, vzcontract.ErrValidation},
		{"range elsewhere", vzcontract.NetworkConfig{Name: "x", Subnets: []string{"10.9.0.0/24"}, Ranges: []string{"10.9.0.0/23"}}, vzcontract.ErrValidation},
		{"driver", vzcontract.NetworkConfig{Name: "x", Driver: "overlay"}, vzcontract.ErrUnsupported},
		{"option", vzcontract.NetworkConfig{Name: "x", Options: map[string]string{"a": "b"}}, vzcontract.ErrUnsupported},
		{"MTU", vzcontract.NetworkConfig{Name: "x", MTU: 10}, vzcontract.ErrValidation},
	}
	for _, tt := range tests {
		if _, err := m.Create(ctx, tt.cfg); vzcontract.CodeOf(err) != vzcontract.CodeOf(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	first, err := m.Create(ctx, vzcontract.NetworkConfig{Name: "auto1"})
	require.NoError(t, err)
	second, err := m.Create(ctx, vzcontract.NetworkConfig{Name: "auto2", IPv6: true})
	require.NoError(t, err)
	require.Equal(t, "10.88.0.0/24", first.Subnets[0])
	require.Equal(t, "10.88.2.0/24", second.Subnets[0], "a subnet that the host routes is chosen")
	require.True(t, netip.MustParsePrefix("fd00::/8").Contains(netip.MustParsePrefix(second.Subnets[1]).Addr()))

	list, err := m.List(ctx)
	require.NoError(t, err)
	var names []string
	for _, n := range list {
		names = append(names, n.Name+"/"+n.Driver)
	}
	require.Equal(t, []string{"auto1/bridge", "auto2/bridge", "bridge/bridge", "host/host", "net/bridge", "none/null"}, names)
	byPrefix, err := m.Inspect(ctx, made.ID[:8])
	require.NoError(t, err)
	require.Equal(t, made.Name, byPrefix.Name)
	_, err = m.Inspect(ctx, "nothing")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	require.ErrorIs(t, m.Remove(ctx, "nothing"), vzcontract.ErrNotFound)
	for _, name := range []string{"bridge", "host", "none"} {
		require.ErrorIs(t, m.Remove(ctx, name), vzcontract.ErrDenied)
	}
	require.NoError(t, m.Remove(ctx, "auto1"))
	s, err := m.Reserve(ctx, Request{ContainerID: "c", Networks: on("net")})
	require.NoError(t, err)
	require.Equal(t, "10.213.7.128", s.Endpoints()[0].IPv4)
	require.ErrorIs(t, m.Remove(ctx, "net"), vzcontract.ErrConflict)
	report, err := m.Prune(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"auto2"}, report.Removed)
	require.NoError(t, s.Close(ctx))
	require.NoError(t, m.Remove(ctx, "net"))
}

// addRoute makes the test's host route a prefix.
func addRoute(t testing.TB, prefix string) {
	t.Helper()
	dst, err := netlink.ParseIPNet(prefix)
	require.NoError(t, err)
	require.NoError(t, netlink.RouteAdd(&netlink.Route{LinkIndex: 1, Dst: dst}))
}

// TestDefaultMoves: the default network leaves a subnet that the host routes
// elsewhere, but only while nobody has an address of it.
func TestDefaultMoves(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	start(t, m, Request{ContainerID: "first", Networks: on(DefaultNetwork)})
	require.NoError(t, m.Release(context.Background(), "first"))
	addRoute(t, "10.88.0.0/24")
	s, _ := start(t, m, Request{ContainerID: "second", Networks: on(DefaultNetwork)})
	require.Equal(t, "10.88.1.2", s.Endpoints()[0].IPv4)
	addRoute(t, "10.88.1.0/25")
	s, _ = start(t, m, Request{ContainerID: "third", Networks: on(DefaultNetwork)})
	require.Equal(t, "10.88.1.3", s.Endpoints()[0].IPv4)
}

func TestFixedAddress(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	ctx := context.Background()
	_, err := m.Create(ctx, vzcontract.NetworkConfig{Name: "net", Subnets: []string{"10.213.7.0/29"}, IPv6: true})
	require.NoError(t, err)
	at := vzcontract.NetworkAttach{Network: "net", IPv4: "10.213.7.3", MACAddress: "02:42:00:00:00:09", LinkLocal: []string{"169.254.7.7"}}
	s, ns := start(t, m, Request{ContainerID: "a", Networks: []vzcontract.NetworkAttach{at}})
	require.Equal(t, "10.213.7.3", s.Endpoints()[0].IPv4)
	require.NoError(t, hosttest.In(t, ns, func() error {
		l, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		require.Equal(t, at.MACAddress, l.Attrs().HardwareAddr.String())
		require.Equal(t, 1500, l.Attrs().MTU)
		addrs, err := netlink.AddrList(l, netlink.FAMILY_V4)
		require.Len(t, addrs, 2)
		return err
	}))
	for _, tt := range []struct {
		at   vzcontract.NetworkAttach
		want error
	}{
		{vzcontract.NetworkAttach{Network: "net", IPv4: "10.213.7.3"}, vzcontract.ErrConflict},
		{vzcontract.NetworkAttach{Network: "net", IPv4: "10.213.7.1"}, vzcontract.ErrConflict},
		{vzcontract.NetworkAttach{Network: "net", MACAddress: at.MACAddress}, vzcontract.ErrConflict},
		{vzcontract.NetworkAttach{Network: "net", IPv4: "10.213.7.7"}, vzcontract.ErrValidation},
		{vzcontract.NetworkAttach{Network: "net", IPv4: "192.0.2.1"}, vzcontract.ErrValidation},
		{vzcontract.NetworkAttach{Network: "net", IPv6: "2001:db8::5"}, vzcontract.ErrValidation},
		{vzcontract.NetworkAttach{Network: "net", MACAddress: "01:00:00:00:00:00"}, vzcontract.ErrValidation},
		{vzcontract.NetworkAttach{Network: "net", Aliases: []string{"a b"}}, vzcontract.ErrValidation},
		{vzcontract.NetworkAttach{Network: "host"}, vzcontract.ErrValidation},
		{vzcontract.NetworkAttach{Network: "nothing"}, vzcontract.ErrNotFound},
	} {
		_, err := m.Reserve(ctx, Request{ContainerID: "b", Networks: []vzcontract.NetworkAttach{tt.at}})
		if vzcontract.CodeOf(err) != vzcontract.CodeOf(tt.want) {
			t.Errorf("%+v: %v, want %v", tt.at, err, tt.want)
		}
	}
	var rest []*Sandbox
	for _, id := range []string{"c", "d", "e", "f"} {
		s, err := m.Reserve(ctx, Request{ContainerID: id, Networks: on("net")})
		require.NoError(t, err)
		rest = append(rest, s)
	}
	_, err = m.Reserve(ctx, Request{ContainerID: "g", Networks: on("net")})
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.ErrorContains(t, err, "no free address")
	for _, s := range rest {
		require.NoError(t, s.Close(ctx))
	}
}

// TestIsolation: networks do not reach one another, internal ones not the
// world, and nobody a port of a container that is not published.
func TestIsolation(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := hosttest.Outside(t)
	hosttest.Serve(t, world, "tcp", ":99", "world")
	m := manager(t)
	ctx := context.Background()
	for _, cfg := range []vzcontract.NetworkConfig{{Name: "one", IPv6: true}, {Name: "two", IPv6: true}, {Name: "closed", Internal: true}} {
		_, err := m.Create(ctx, cfg)
		require.NoError(t, err)
	}
	published := []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"}}
	a, nsA := start(t, m, Request{ContainerID: "a", Networks: on("one"), Ports: published})
	b, nsB := start(t, m, Request{ContainerID: "b", Networks: on("two")})
	published[0].HostPort = 8081
	c, nsC := start(t, m, Request{ContainerID: "c", Networks: on("closed"), Ports: published})
	_, nsBoth := start(t, m, Request{ContainerID: "both", Networks: on("closed", "one")})
	for ns, name := range map[*os.File]string{nsA: "a", nsB: "b", nsC: "c"} {
		hosttest.Serve(t, ns, "tcp", ":80", name)
	}
	address := func(s *Sandbox) (v4, v6 string) {
		e := s.Endpoints()[0]
		return e.IPv4 + ":80", "[" + e.IPv6 + "]:80"
	}
	a4, a6 := address(a)
	b4, b6 := address(b)
	c4, _ := address(c)
	silent(t, nsA, "tcp", b4)
	silent(t, nsB, "tcp", a4)
	silent(t, nsA, "tcp", b6)
	silent(t, nsB, "tcp", a6)
	silent(t, nsC, "tcp", a4)
	silent(t, nsA, "tcp", c4)
	silent(t, nsC, "tcp", "203.0.113.2:99")
	routeIn(t, nsC, "203.0.113.0/24", c.Endpoints()[0].Gateway4)
	routeIn(t, world, "10.88.0.0/16", "203.0.113.1")
	silent(t, nsC, "tcp", "203.0.113.2:99")
	silent(t, world, "tcp", a6)

	answers(t, nil, "tcp", a6, "a "+a.Endpoints()[0].Gateway6)
	answers(t, nsA, "tcp", "203.0.113.2:99", "world 203.0.113.1")
	answers(t, nsA, "tcp", "[2001:db8::2]:99", "world 2001:db8::1")
	answers(t, nsBoth, "tcp", "203.0.113.2:99", "world 203.0.113.1")
	answers(t, nsBoth, "tcp", a4, "a "+"10.88.0.3")
	answers(t, nsBoth, "tcp", c4, "c "+"10.88.2.3")
	answers(t, world, "tcp", "[2001:db8::1]:8080", "a 2001:db8::2")
	answers(t, nsA, "tcp", "[2001:db8::1]:8080", "a "+a.Endpoints()[0].Gateway6)
	answers(t, nsB, "tcp", "203.0.113.1:8080", "a "+a.Endpoints()[0].Gateway4)
	answers(t, nil, "tcp", "[::1]:8080", "a "+a.Endpoints()[0].Gateway6)
	answers(t, world, "tcp", "203.0.113.1:8081", "c "+c.Endpoints()[0].Gateway4)
}

// TestInstallations: two of them on one host share nothing.
func TestInstallations(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	one, two := manager(t), manager(t)
	a, nsA := start(t, one, Request{ContainerID: "same", Networks: on(DefaultNetwork)})
	b, nsB := start(t, two, Request{ContainerID: "same", Networks: on(DefaultNetwork)})
	require.NotEqual(t, a.Endpoints()[0].IPv4, b.Endpoints()[0].IPv4)
	hosttest.Serve(t, nsA, "tcp", ":80", "a")
	silent(t, nsB, "tcp", a.Endpoints()[0].IPv4+":80")
	answers(t, nil, "tcp", a.Endpoints()[0].IPv4+":80", "a "+a.Endpoints()[0].Gateway4)
	faults, err := two.Repair(context.Background(), func(string) bool { return true })
	require.NoError(t, err)
	require.Empty(t, faults)
	answers(t, nil, "tcp", a.Endpoints()[0].IPv4+":80", "a "+a.Endpoints()[0].Gateway4)
}

// TestTakenName: an interface that is somebody else's is left alone.
func TestTakenName(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	name := bridgeOf(t, m, DefaultNetwork)
	foreign := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
	require.NoError(t, netlink.LinkAdd(foreign))
	require.NoError(t, netlink.LinkSetUp(foreign))
	info, err := m.Inspect(context.Background(), DefaultNetwork)
	require.NoError(t, err)
	pair := m.linkName(&network{Info: info}, "a", 0)
	require.NoError(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: pair}}))
	require.NoError(t, netlink.LinkSetAlias(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: pair}}, "theirs"))
	s, ns := start(t, m, Request{ContainerID: "a", Networks: on(DefaultNetwork)})
	hosttest.Serve(t, ns, "tcp", ":80", "a")
	answers(t, nil, "tcp", s.Endpoints()[0].IPv4+":80", "a "+s.Endpoints()[0].Gateway4)
	require.NotEqual(t, name, bridgeOf(t, m, DefaultNetwork))
	require.NoError(t, s.Close(context.Background()))
	for _, name := range []string{name, pair} {
		l, err := netlink.LinkByName(name)
		require.NoError(t, err, "a foreign interface is gone")
		require.NoError(t, netlink.LinkDel(l))
	}
	nothingLeft(t, m)
}
