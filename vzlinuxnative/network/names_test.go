//go:build linux

package network

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
	"vz.internal/vzlinuxnative/network/internal/names"
)

// question asks the container's listener and returns the answers, or the
// response code when there is none.
func question(t testing.TB, ns *os.File, network, name string, kind uint16) string {
	t.Helper()
	var values []string
	err := hosttest.In(t, ns, func() error {
		client := &dns.Client{Net: network, Timeout: 3 * time.Second}
		m, _, err := client.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), kind), "127.0.0.11:53")
		if err != nil {
			return err
		}
		for _, rr := range m.Answer {
			fields := strings.Fields(rr.String())
			values = append(values, fields[len(fields)-1])
		}
		if len(values) == 0 {
			values = []string{dns.RcodeToString[m.Rcode]}
		}
		return nil
	})
	if err != nil {
		t.Errorf("%s by %s: %v", name, network, err)
	}
	slices.Sort(values)
	return strings.Join(values, " ")
}

// hostResolver makes 127.0.0.1:53 the test host's resolver.
func hostResolver(t testing.TB) {
	t.Helper()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:53")
	require.NoError(t, err)
	tcp, err := net.Listen("tcp4", "127.0.0.1:53")
	require.NoError(t, err)
	s := names.Serve(udp, tcp, outside{}, nil)
	t.Cleanup(func() { _ = s.Close() })
	hostResolvConf = filepath.Join(t.TempDir(), "resolv.conf")
	realResolvConf = hostResolvConf + ".none"
	require.NoError(t, os.WriteFile(hostResolvConf, []byte("search corp.example\nnameserver 127.0.0.1\n"), 0o600))
}

type outside struct{}

func (outside) Lookup(name string) ([]netip.Addr, bool) {
	return []netip.Addr{netip.MustParseAddr("192.0.2.80")}, name == "outside.example"
}
func (outside) Reverse(netip.Addr) ([]string, bool) { return nil, true }
func (outside) Upstream() []netip.AddrPort          { return nil }

func TestNames(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	hosttest.Outside(t)
	hostResolver(t)
	m := manager(t)
	ctx := context.Background()
	for _, cfg := range []vzcontract.NetworkConfig{{Name: "front", IPv6: true}, {Name: "back"}, {Name: "closed", Internal: true}} {
		_, err := m.Create(ctx, cfg)
		require.NoError(t, err)
	}
	files := t.TempDir()
	id := strings.Repeat("ab", 32)
	web, c1 := start(t, m, Request{
		ContainerID: id, Name: "Web", Hostname: "webhost", FilesDir: files,
		Networks: []vzcontract.NetworkAttach{{Network: "front", Aliases: []string{"www"}}},
	})
	_, c2 := start(t, m, Request{ContainerID: "c2", Name: "db", Networks: []vzcontract.NetworkAttach{{Network: "front", Aliases: []string{"www"}}, {Network: "back"}}})
	_, c3 := start(t, m, Request{ContainerID: "c3", Name: "alone", Networks: on("back")})
	_, c4 := start(t, m, Request{ContainerID: "c4", Name: "shut", Networks: on("closed")})
	e := web.Endpoints()[0]
	resolv, err := os.ReadFile(filepath.Join(files, "resolv.conf"))
	require.NoError(t, err)
	require.Equal(t, "nameserver 127.0.0.11\nsearch corp.example\noptions ndots:0\n", string(resolv))

	tests := []struct {
		ns   *os.File
		name string
		kind uint16
		want string
	}{
		{c1, "web", dns.TypeA, e.IPv4},
		{c2, "WEB", dns.TypeA, e.IPv4},
		{c2, "web", dns.TypeAAAA, e.IPv6},
		{c2, "web.front", dns.TypeA, e.IPv4},
		{c2, "webhost", dns.TypeA, e.IPv4},
		{c2, id[:12], dns.TypeA, e.IPv4},
		{c2, "www", dns.TypeA, "10.88.0.2 10.88.0.3"},
		{c1, "db", dns.TypeA, "10.88.0.3"},
		{c3, "db", dns.TypeA, "10.88.1.2"},
		{c3, "web", dns.TypeA, "NXDOMAIN"},
		{c1, "2.0.88.10.in-addr.arpa", dns.TypePTR, "Web.front."},
		{c1, "9.0.88.10.in-addr.arpa", dns.TypePTR, "NXDOMAIN"},
		{c1, "outside.example", dns.TypeA, "192.0.2.80"},
		{c4, "shut", dns.TypeA, "10.88.2.2"},
		{c4, "outside.example", dns.TypeA, "REFUSED"},
	}
	for _, tt := range tests {
		for _, network := range []string{"udp", "tcp"} {
			got := question(t, tt.ns, network, tt.name, tt.kind)
			if tt.want == "NXDOMAIN" && got == "REFUSED" {
				continue // the test's outside refuses what it does not know
			}
			if got != tt.want {
				t.Errorf("%s %s = %q, want %q", tt.name, network, got, tt.want)
			}
		}
	}
	// Port 53 stays the container's own.
	hosttest.Serve(t, c1, "udp", ":53", "own")
	answers(t, c2, "udp", e.IPv4+":53", "own 10.88.0.3")
}

// TestNamesFollow: names follow connects, disconnects and ends at once.
func TestNamesFollow(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	hostResolver(t)
	m := manager(t)
	ctx := context.Background()
	for _, name := range []string{"one", "two"} {
		_, err := m.Create(ctx, vzcontract.NetworkConfig{Name: name})
		require.NoError(t, err)
	}
	files := t.TempDir()
	a, nsA := start(t, m, Request{ContainerID: "a", Name: "a", Hostname: "a", Networks: on(DefaultNetwork), FilesDir: files, DNS: vzcontract.DNSConfig{Servers: []string{"192.0.2.53"}}})
	b, nsB := start(t, m, Request{ContainerID: "b", Name: "b", Networks: on("one")})
	require.NotEqual(t, "10.88.1.3", question(t, nsB, "udp", "a", dns.TypeA))
	file := func(name string) string {
		data, err := os.ReadFile(filepath.Join(files, name))
		require.NoError(t, err)
		return string(data)
	}
	require.Contains(t, file("resolv.conf"), "nameserver 192.0.2.53\n")
	before, err := os.Stat(filepath.Join(files, "hosts"))
	require.NoError(t, err)

	require.NoError(t, a.Attach(ctx, vzcontract.NetworkAttach{Network: "one", Aliases: []string{"also"}}))
	second := a.Endpoints()[1]
	require.Equal(t, "eth1", second.Interface)
	require.Equal(t, second.IPv4, question(t, nsB, "udp", "also", dns.TypeA))
	require.Equal(t, b.Endpoints()[0].IPv4, question(t, nsA, "udp", "b", dns.TypeA))
	require.Contains(t, file("resolv.conf"), "nameserver 127.0.0.11\n")
	require.Contains(t, file("hosts"), second.IPv4+"\ta\n")
	require.ErrorIs(t, a.Attach(ctx, vzcontract.NetworkAttach{Network: "one"}), vzcontract.ErrConflict)
	require.ErrorIs(t, a.Attach(ctx, vzcontract.NetworkAttach{Network: "nothing"}), vzcontract.ErrNotFound)
	hosttest.Serve(t, nsA, "tcp", ":80", "a")
	answers(t, nsB, "tcp", second.IPv4+":80", "a "+b.Endpoints()[0].IPv4)

	require.NoError(t, a.Detach(ctx, "one"))
	require.ErrorIs(t, a.Detach(ctx, "one"), vzcontract.ErrConflict)
	require.NotEqual(t, second.IPv4, question(t, nsB, "udp", "also", dns.TypeA))
	require.NotContains(t, file("hosts"), second.IPv4)
	require.NoError(t, a.Rename("renamed"))
	require.NoError(t, a.Attach(ctx, vzcontract.NetworkAttach{Network: "one"}))
	require.NotEqual(t, "REFUSED", question(t, nsB, "udp", "renamed", dns.TypeA))
	require.NoError(t, a.Rename("again"))
	require.Equal(t, a.Endpoints()[1].IPv4, question(t, nsB, "udp", "again", dns.TypeA))
	after, err := os.Stat(filepath.Join(files, "hosts"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "the hosts file is another one: a bind mount would not see it")
}
