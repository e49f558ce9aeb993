//go:build linux

package machine

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

func manager(t *testing.T) *network.Manager {
	dir := t.TempDir()
	return network.Open(network.Options{
		Dir: filepath.Join(dir, "networks"), RunDir: filepath.Join(dir, "run"),
		Pools: []network.Pool{{Range: netip.MustParsePrefix("10.88.0.0/12"), Bits: 24}},
	})
}

// plug gives a namespace that stands for a guest the other end of a machine's cable:
// frames are carried from one tap to another, as a hypervisor does.
func plug(t *testing.T, guest *os.File, m *Machine, n int) {
	t.Helper()
	cable, err := m.Card(n)
	require.NoError(t, err)
	card, err := openTap(guest, n)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(cable.Close(), card.Close())) })
	carry := func(to, from *os.File) {
		frame := make([]byte, 70_000)
		for {
			n, err := from.Read(frame)
			if err != nil {
				return
			}
			_, _ = to.Write(frame[:n]) // frames may be lost
		}
	}
	go carry(cable, card)
	go carry(card, cable)
}

// dress gives the guest's cards what they are to have.
func dress(t *testing.T, guest *os.File, m *Machine) {
	t.Helper()
	cards, err := m.Tie()
	require.NoError(t, err)
	require.NoError(t, hosttest.In(t, guest, func() error {
		for n, c := range cards {
			link, err := netlink.LinkByName(tapName(n))
			if err != nil {
				return err
			}
			mac, err := net.ParseMAC(c.MAC)
			if err := errors.Join(err, netlink.LinkSetHardwareAddr(link, mac), netlink.LinkSetMTU(link, c.MTU), netlink.LinkSetUp(link)); err != nil {
				return err
			}
			for _, p := range c.Addresses {
				a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}, Flags: unix.IFA_F_NODAD}
				if err := netlink.AddrReplace(link, a); err != nil {
					return err
				}
			}
			for _, gw := range c.Gateways {
				if err := netlink.RouteReplace(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gw.AsSlice()}); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

func answers(t *testing.T, ns *os.File, protocol, address, want string) {
	t.Helper()
	got, err := hosttest.Ask(t, ns, protocol, address)
	require.NoError(t, err, "%s %s", protocol, address)
	require.Equal(t, want, got, "%s %s", protocol, address)
}

// TestMachine has a machine and a container on one network: they reach each other and
// the world, the host reaches the machine's published port, and names are answered.
func TestMachine(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	require.NoError(t, Probe())
	ctx := context.Background()
	world := hosttest.Outside(t)
	hosttest.Serve(t, world, "tcp", ":99", "world")
	nets := manager(t)
	for _, cfg := range []vzcontract.NetworkConfig{
		{Name: "net", Subnets: []string{"10.90.1.0/24"}, IPv6: true}, {Name: "more", Subnets: []string{"10.90.2.0/24"}, Internal: true, MTU: 1300},
	} {
		_, err := nets.Create(ctx, cfg)
		require.NoError(t, err)
	}
	m, guest := New(nets), hosttest.Namespace(t)
	defer func() { require.NoError(t, m.Close()) }()
	plug(t, guest, m, 0)
	etc := t.TempDir()
	require.NoError(t, m.Join(ctx, "0123456789abcdef", vzcontract.RunConfig{
		Name: "web", Networks: []vzcontract.NetworkAttach{{Network: "net", Aliases: []string{"site"}}},
		Ports: []vzcontract.PortMapping{{ContainerPort: 80, Protocol: "tcp"}, {ContainerPort: 80, Protocol: "udp"}},
	}, etc))
	dress(t, guest, m)
	hosttest.Serve(t, guest, "tcp", ":80", "web")
	hosttest.Serve(t, guest, "udp4", ":80", "web")
	places, ports := m.Places()
	require.Len(t, places, 1)
	at := places[0]

	other, err := nets.Reserve(ctx, network.Request{ContainerID: "c2", Name: "db", Networks: []vzcontract.NetworkAttach{{Network: "net"}}})
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close(ctx)) }()
	native := hosttest.Namespace(t)
	require.NoError(t, other.Connect(ctx, native))
	hosttest.Serve(t, native, "tcp", ":5432", "db")
	beside := other.Endpoints()[0]

	answers(t, native, "tcp", net.JoinHostPort(at.IPv4, "80"), "web "+beside.IPv4)
	answers(t, native, "tcp", net.JoinHostPort(at.IPv6, "80"), "web "+beside.IPv6)
	answers(t, native, "udp", net.JoinHostPort(at.IPv4, "80"), "web "+beside.IPv4)
	answers(t, guest, "tcp", net.JoinHostPort(beside.IPv4, "5432"), "db "+at.IPv4)
	answers(t, guest, "tcp", net.JoinHostPort(beside.IPv6, "5432"), "db "+at.IPv6)
	answers(t, guest, "tcp", "203.0.113.2:99", "world 203.0.113.1")
	self, err := os.Open("/proc/thread-self/ns/net")
	require.NoError(t, err)
	defer self.Close()
	for _, p := range ports {
		if p.HostIP == "0.0.0.0" {
			answers(t, self, p.Protocol, "127.0.0.1:"+strconv.Itoa(int(p.HostPort)), "web "+at.Gateway4)
		}
	}
	for _, protocol := range []string{"udp", "tcp"} {
		require.Equal(t, beside.IPv4, resolve(t, m, protocol, "db."))
	}
	resolv, err := os.ReadFile(filepath.Join(etc, "resolv.conf"))
	require.NoError(t, err)
	require.Contains(t, string(resolv), "nameserver 127.0.0.11\n")

	traffic, err := m.Traffic()
	require.NoError(t, err)
	require.Equal(t, "eth0", traffic[0].Interface)
	require.NotZero(t, traffic[0].RxBytes)

	// One more network needs one more card.
	require.NoError(t, m.Connect(ctx, vzcontract.NetworkAttach{Network: "more", IPv4: "10.90.2.7"}))
	_, err = m.Tie()
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	plug(t, guest, m, 1)
	dress(t, guest, m)
	cards, err := m.Tie()
	require.NoError(t, err)
	require.Equal(t, 1300, cards[1].MTU)
	require.Empty(t, cards[1].Gateways, "an internal network is no way out")
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.90.2.7/24")}, cards[1].Addresses)
	answers(t, self, "tcp", "10.90.2.7:80", "web 10.90.2.1")
	require.NoError(t, m.Disconnect(ctx, "more"))
	require.ErrorIs(t, m.Disconnect(ctx, "more"), vzcontract.ErrConflict)

	require.NoError(t, m.Leave(ctx))
	_, err = m.DialNames(ctx, "udp")
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
	info, err := nets.Inspect(ctx, "net")
	require.NoError(t, err)
	require.Len(t, info.Containers, 1)
}

// resolve asks the machine's names for an address.
func resolve(t *testing.T, m *Machine, protocol, name string) string {
	t.Helper()
	conn, err := m.DialNames(context.Background(), protocol)
	require.NoError(t, err)
	defer conn.Close()
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 7, RecursionDesired: true})
	require.NoError(t, b.StartQuestions())
	require.NoError(t, b.Question(dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}))
	question, err := b.Finish()
	require.NoError(t, err)
	prefix := 0
	if protocol == "tcp" {
		question = append([]byte{byte(len(question) >> 8), byte(len(question))}, question...)
		prefix = 2
	}
	_, err = conn.Write(question)
	require.NoError(t, err)
	answer := make([]byte, 1024)
	n, err := conn.Read(answer)
	require.NoError(t, err)
	var msg dnsmessage.Message
	require.NoError(t, msg.Unpack(answer[prefix:n]))
	require.Len(t, msg.Answers, 1)
	return netip.AddrFrom4(msg.Answers[0].Body.(*dnsmessage.AResource).A).String()
}

// TestEgress holds a machine to a policy, also on a network that it joins later.
func TestEgress(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	ctx := context.Background()
	world := hosttest.Outside(t)
	hosttest.Serve(t, world, "tcp", ":99", "world")
	hosttest.Serve(t, world, "tcp", ":98", "world")
	nets := manager(t)
	for _, name := range []string{"net", "more"} {
		_, err := nets.Create(ctx, vzcontract.NetworkConfig{Name: name})
		require.NoError(t, err)
	}
	m := New(nets)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	guest := hosttest.Namespace(t)
	plug(t, guest, m, 0)
	plug(t, guest, m, 1)
	cfg := vzcontract.RunConfig{Networks: []vzcontract.NetworkAttach{{Network: "net"}}, Egress: &vzcontract.EgressPolicy{Allow: []string{"203.0.113.2:99"}}}
	require.NoError(t, m.Join(ctx, "machine", cfg, t.TempDir()))
	held := func() {
		t.Helper()
		dress(t, guest, m)
		places, _ := m.Places()
		answers(t, guest, "tcp", "203.0.113.2:99", "world 203.0.113.1")
		for _, to := range []string{"203.0.113.2:98", "203.0.113.1:22", places[0].Gateway4 + ":22"} {
			_, err := hosttest.Ask(t, guest, "tcp", to)
			require.ErrorIs(t, err, unix.ECONNREFUSED, to)
		}
	}
	held()
	_, err := m.DialOut(ctx, netip.MustParseAddrPort("203.0.113.2:98"))
	require.ErrorIs(t, err, vzcontract.ErrDenied)
	require.NoError(t, m.Connect(ctx, vzcontract.NetworkAttach{Network: "more"}))
	require.NoError(t, m.Disconnect(ctx, "net"))
	held()
}
