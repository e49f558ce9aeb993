//go:build linux

package network

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
	"vz.internal/vzlinuxnative/network/internal/nft"
)

const soon = 200 * time.Millisecond // patience with what must not answer

func manager(t testing.TB) *Manager {
	dir := t.TempDir()
	return Open(Options{
		Dir: filepath.Join(dir, "networks"), RunDir: filepath.Join(dir, "run"),
		Pools: []Pool{{Range: netip.MustParsePrefix("10.88.0.0/12"), Bits: 24}},
	})
}

func on(networks ...string) []vzcontract.NetworkAttach {
	var list []vzcontract.NetworkAttach
	for _, n := range networks {
		list = append(list, vzcontract.NetworkAttach{Network: n})
	}
	return list
}

// start reserves and connects a container.
func start(t testing.TB, m *Manager, r Request) (*Sandbox, *os.File) {
	t.Helper()
	s, err := m.Reserve(context.Background(), r)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
	ns := hosttest.Namespace(t)
	require.NoError(t, s.Connect(context.Background(), ns))
	return s, ns
}

func answers(t testing.TB, ns *os.File, network, address, want string) {
	t.Helper()
	got, err := hosttest.Ask(t, ns, network, address)
	if err != nil || got != want {
		t.Errorf("%s %s answers %q, %v, want %q", network, address, got, err, want)
	}
}

func silent(t testing.TB, ns *os.File, network, address string) {
	t.Helper()
	if got, err := hosttest.AskWithin(t, ns, network, address, soon); err == nil {
		t.Errorf("%s %s answers %q, want nothing", network, address, got)
	}
}

func port(p vzcontract.PublishedPort) string { return ":" + strconv.Itoa(int(p.HostPort)) }

func TestTraffic(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := hosttest.Outside(t)
	hosttest.Serve(t, world, "tcp", ":99", "world")
	m := manager(t)
	changed, err := m.Sysctls()
	require.NoError(t, err)
	require.Empty(t, changed)
	web, c1 := start(t, m, Request{ContainerID: "c1", Name: "web", Networks: on(DefaultNetwork), Ports: []vzcontract.PortMapping{
		{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"},
		{ContainerPort: 53, Protocol: "udp"},
		{ContainerPort: 80, HostPort: 8081, Protocol: "tcp", HostIP: "127.0.0.1"},
		{ContainerPort: 80, HostPort: 8082, Protocol: "tcp", HostIP: "203.0.113.1"},
		{ContainerPort: 80, HostPort: 8083, Protocol: "tcp", HostIP: "::1"},
	}})
	_, c2 := start(t, m, Request{ContainerID: "c2", Networks: on(DefaultNetwork)})
	hosttest.Serve(t, c1, "tcp", ":80", "web")
	hosttest.Serve(t, c1, "udp", ":53", "dns")
	e := web.Endpoints()[0]
	ports := web.Ports()
	require.Len(t, ports, 7)
	udp := port(ports[2])
	changed, err = m.Sysctls()
	require.NoError(t, err)
	require.Equal(t, []string{"net/ipv4/ip_forward 0 -> 1"}, changed)

	answers(t, c2, "tcp", e.IPv4+":80", "web 10.88.0.3")
	answers(t, nil, "tcp", e.IPv4+":80", "web 10.88.0.1")
	answers(t, c2, "tcp", "203.0.113.2:99", "world 203.0.113.1")
	answers(t, world, "tcp", "203.0.113.1:8080", "web 203.0.113.2")
	answers(t, world, "udp", "203.0.113.1"+udp, "dns 203.0.113.2")
	answers(t, nil, "tcp", "127.0.0.1:8080", "web 10.88.0.1")
	answers(t, nil, "tcp", "203.0.113.1:8080", "web 203.0.113.1")
	answers(t, nil, "udp", "127.0.0.1"+udp, "dns 10.88.0.1")
	answers(t, nil, "tcp", "[::1]:8080", "web 10.88.0.1")
	answers(t, nil, "udp", "[::1]"+udp, "dns 10.88.0.1")
	answers(t, world, "tcp", "[2001:db8::1]:8080", "web 10.88.0.1")
	for _, c := range []*os.File{c1, c2} { // hairpin
		answers(t, c, "tcp", "203.0.113.1:8080", "web 10.88.0.1")
		answers(t, c, "tcp", "10.88.0.1:8080", "web 10.88.0.1")
		answers(t, c, "udp", "10.88.0.1"+udp, "dns 10.88.0.1")
	}
	answers(t, nil, "tcp", "127.0.0.1:8081", "web 10.88.0.1")
	silent(t, world, "tcp", "203.0.113.1:8081")
	silent(t, c2, "tcp", "10.88.0.1:8081")
	answers(t, world, "tcp", "203.0.113.1:8082", "web 203.0.113.2")
	silent(t, nil, "tcp", "127.0.0.1:8082")
	answers(t, nil, "tcp", "[::1]:8083", "web 10.88.0.1")
	silent(t, nil, "tcp", "127.0.0.1:8083")
}

// TestOthersTraffic: a published port of the host is not that of other hosts.
func TestOthersTraffic(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := hosttest.Outside(t)
	hosttest.Serve(t, world, "tcp", ":8080", "world")
	m := manager(t)
	web, c1 := start(t, m, Request{ContainerID: "c1", Networks: on(DefaultNetwork), Ports: []vzcontract.PortMapping{
		{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"},
	}})
	hosttest.Serve(t, c1, "tcp", ":80", "web")
	answers(t, c1, "tcp", "203.0.113.2:8080", "world 203.0.113.1")
	answers(t, nil, "tcp", "203.0.113.2:8080", "world 203.0.113.1")
	// The outside has no business with ports that are not published.
	routeIn(t, world, "10.88.0.0/24", "203.0.113.1")
	silent(t, world, "tcp", web.Endpoints()[0].IPv4+":80")
}

// TestLoopbackGuard: routing from 127.0.0.1 does not open the host's loopback
// services to containers.
func TestLoopbackGuard(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	_, c := start(t, m, Request{ContainerID: "c", Networks: on(DefaultNetwork)})
	self, err := os.Open("/proc/thread-self/ns/net")
	require.NoError(t, err)
	hosttest.Serve(t, self, "tcp", "127.0.0.1:7777", "secret")
	data, err := os.ReadFile("/proc/sys/net/ipv4/conf/" + bridgeOf(t, m, DefaultNetwork) + "/route_localnet")
	require.NoError(t, err)
	require.Equal(t, "1", strings.TrimSpace(string(data)))
	answers(t, nil, "tcp", "127.0.0.1:7777", "secret 127.0.0.1")
	// The attack: a container with CAP_NET_ADMIN routes 127.0.0.1 to the host.
	require.NoError(t, hosttest.In(t, c, func() error {
		loopback, err := netlink.ParseAddr("127.0.0.1/8")
		if err != nil {
			return err
		}
		return errors.Join(
			os.WriteFile("/proc/sys/net/ipv4/conf/all/route_localnet", []byte("1"), 0),
			netlink.AddrDel(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: 1}}, loopback))
	}))
	routeIn(t, c, "127.0.0.1/32", "10.88.0.1")
	silent(t, c, "tcp", "127.0.0.1:7777")
}

func TestPortConflict(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	ctx := context.Background()
	first := Request{ContainerID: "c1", Networks: on(DefaultNetwork), Ports: []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"}}}
	s, err := m.Reserve(ctx, first)
	require.NoError(t, err)
	second := first
	second.ContainerID = "c2"
	for _, ip := range []string{"", "127.0.0.1", "::1"} {
		second.Ports = []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 8080, Protocol: "tcp", HostIP: ip}}
		_, err = m.Reserve(ctx, second)
		require.ErrorIs(t, err, vzcontract.ErrConflict)
		require.ErrorContains(t, err, "8080/tcp: it is in use")
	}
	info, err := m.Inspect(ctx, DefaultNetwork)
	require.NoError(t, err)
	require.Len(t, info.Containers, 1, "a failed reservation leaves an address behind")
	require.NoError(t, s.Close(ctx))
	second.Ports[0].HostIP = ""
	s, err = m.Reserve(ctx, second)
	require.NoError(t, err)
	require.NoError(t, s.Close(ctx))
}

func TestPortRanges(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	ctx := context.Background()
	s, err := m.Reserve(ctx, Request{
		ContainerID: "c1", Networks: on(DefaultNetwork), PublishAll: true, Exposed: []string{"80", "90/tcp", "53/udp", "7000-7001/tcp"},
		Ports: []vzcontract.PortMapping{
			{ContainerPort: 90, ContainerPortEnd: 92, HostPort: 9000, HostPortEnd: 9002, Protocol: "tcp", HostIP: "127.0.0.1"},
			{ContainerPort: 80, HostPort: 9000, HostPortEnd: 9010, Protocol: "tcp", HostIP: "127.0.0.1"},
		},
	})
	require.NoError(t, err)
	var got []string
	for _, p := range s.Ports() {
		if p.HostIP == "127.0.0.1" {
			got = append(got, strconv.Itoa(int(p.HostPort))+">"+strconv.Itoa(int(p.ContainerPort)))
		} else if p.HostIP == "0.0.0.0" {
			require.NotZero(t, p.HostPort)
			got = append(got, strconv.Itoa(int(p.ContainerPort))+"/"+p.Protocol)
		}
	}
	require.Equal(t, []string{"9000>90", "9001>91", "9002>92", "9003>80", "53/udp", "7000/tcp", "7001/tcp"}, got)
	require.NoError(t, s.Close(ctx))
	for name, p := range map[string]vzcontract.PortMapping{
		"lengths":  {ContainerPort: 1, ContainerPortEnd: 3, HostPort: 10, HostPortEnd: 11, Protocol: "tcp"},
		"backward": {ContainerPort: 3, ContainerPortEnd: 1, Protocol: "tcp"},
		"none":     {Protocol: "tcp"},
		"too high": {ContainerPort: 1, ContainerPortEnd: 10, HostPort: 65530, Protocol: "tcp"},
		"address":  {ContainerPort: 1, HostIP: "localhost", Protocol: "tcp"},
		"foreign":  {ContainerPort: 1, HostIP: "192.0.2.9", Protocol: "tcp"},
	} {
		_, err := m.Reserve(ctx, Request{ContainerID: "c1", Networks: on(DefaultNetwork), Ports: []vzcontract.PortMapping{p}})
		if !errors.Is(err, vzcontract.ErrValidation) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func bridgeOf(t testing.TB, m *Manager, name string) string {
	info, err := m.Inspect(context.Background(), name)
	require.NoError(t, err)
	return info.Interface
}

func portOf(host uint16) nft.Port {
	return nft.Port{
		Protocol: unix.IPPROTO_TCP, Host: netip.AddrPortFrom(netip.IPv4Unspecified(), host), Target: netip.MustParseAddrPort("10.88.0.2:80"),
	}
}

// TestBusyClient: a client that never stops sending datagrams reaches the
// container that has the port now.
func TestBusyClient(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := hosttest.Outside(t)
	m := manager(t)
	ask, err := hosttest.Client(t, world, "udp", "203.0.113.1:8053")
	require.NoError(t, err)
	for _, id := range []string{"one", "two"} {
		s, ns := start(t, m, Request{
			ContainerID: id, Networks: []vzcontract.NetworkAttach{{Network: DefaultNetwork, IPv4: map[string]string{"one": "10.88.0.11", "two": "10.88.0.12"}[id]}},
			Ports: []vzcontract.PortMapping{{ContainerPort: 53, HostPort: 8053, Protocol: "udp"}},
		})
		hosttest.Serve(t, ns, "udp", ":53", id)
		answer, err := ask()
		require.NoError(t, err)
		require.Equal(t, id+" 203.0.113.2", answer)
		require.NoError(t, s.Unpublish())
		require.Empty(t, s.Ports())
	}
}
