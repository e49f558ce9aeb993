//go:build linux

package network

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"testing"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/testreq"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// foreign makes a firewall of somebody else's: a forward chain with a policy
// and rules.
func foreign(t testing.TB, family nftables.TableFamily, name string, policy nftables.ChainPolicy, rules ...[]expr.Any) {
	t.Helper()
	c, err := nftables.New()
	require.NoError(t, err)
	table := c.AddTable(&nftables.Table{Family: family, Name: name})
	chain := c.AddChain(&nftables.Chain{
		Name: "FORWARD", Table: table, Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookForward,
		Priority: nftables.ChainPriorityFilter, Policy: &policy,
	})
	for _, r := range rules {
		c.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: r})
	}
	require.NoError(t, c.Flush())
}

// firewalls describes all tables but this installation's.
func firewalls(t testing.TB, own string) []string {
	t.Helper()
	c, err := nftables.New()
	require.NoError(t, err)
	chains, err := c.ListChains()
	require.NoError(t, err)
	var list []string
	for _, chain := range chains {
		if chain.Table.Name == own {
			continue
		}
		rules, err := c.GetRules(chain.Table, chain)
		require.NoError(t, err)
		text := fmt.Sprint(chain.Table.Name, chain.Table.Family, chain.Name, *chain.Policy)
		for _, r := range rules {
			for _, e := range r.Exprs {
				text += fmt.Sprintf(" %T", e)
			}
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

func ifname(key expr.MetaKey, name string) []expr.Any {
	data := make([]byte, 16)
	copy(data, name)
	return []expr.Any{&expr.Meta{Key: key, Register: 1}, &expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: data}, &expr.Verdict{Kind: expr.VerdictAccept}}
}

// TestForwardDrop: beside a firewall that drops what is forwarded, published
// ports, TCP and names work all the same, and the firewall stays as it is.
func TestForwardDrop(t *testing.T) {
	firewalls4 := map[string]func(t testing.TB){
		"policy": func(t testing.TB) { foreign(t, nftables.TableFamilyIPv4, "filter", nftables.ChainPolicyDrop) },
		"reject": func(t testing.TB) {
			foreign(t, nftables.TableFamilyINet, "firewalld", nftables.ChainPolicyAccept,
				[]expr.Any{
					&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
					&expr.Bitwise{SourceRegister: 1, DestRegister: 1, Len: 4, Mask: []byte{6, 0, 0, 0}, Xor: make([]byte, 4)},
					&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)}, &expr.Verdict{Kind: expr.VerdictAccept},
				},
				[]expr.Any{&expr.Counter{}, &expr.Reject{Type: 2, Code: 3}})
		},
		"legacy": func(t testing.TB) { run(t, "iptables-legacy", "-P", "FORWARD", "DROP") },
		"xtables": func(t testing.TB) {
			run(t, "iptables-nft", "-A", "FORWARD", "-j", "REJECT")
		},
	}
	for name, make := range firewalls4 {
		t.Run(name, func(t *testing.T) {
			if !hosttest.Enter(t) {
				return
			}
			make(t)
			forwardDropped(t)
		})
	}
}

func run(t testing.TB, program string, args ...string) {
	t.Helper()
	path := testreq.Program(t, program)[0]
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Skipf("%s: %v: %s", program, err, out)
	}
}

func forwardDropped(t *testing.T) {
	world := hosttest.Outside(t)
	hosttest.Serve(t, world, "tcp", ":99", "world")
	hostResolver(t)
	m := manager(t)
	ctx := context.Background()
	before := firewalls(t, "vz-"+m.tag)
	for _, name := range []string{"one", "two"} {
		_, err := m.Create(ctx, vzcontract.NetworkConfig{Name: name})
		require.NoError(t, err)
	}
	web, nsWeb := start(t, m, Request{ContainerID: "web", Name: "web", Networks: on(DefaultNetwork), Ports: []vzcontract.PortMapping{
		{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"}, {ContainerPort: 53, HostPort: 8053, Protocol: "udp"},
	}})
	hosttest.Serve(t, nsWeb, "tcp", ":80", "web")
	hosttest.Serve(t, nsWeb, "udp", ":53", "dns")
	gateway := web.Endpoints()[0].Gateway4
	answers(t, world, "tcp", "203.0.113.1:8080", "web "+gateway)
	answers(t, world, "udp", "203.0.113.1:8053", "dns "+gateway)
	answers(t, nil, "tcp", "127.0.0.1:8080", "web "+gateway)
	answers(t, nsWeb, "tcp", "203.0.113.1:8080", "web "+gateway)
	answers(t, nsWeb, "tcp", "203.0.113.2:99", "world 203.0.113.1")
	require.Equal(t, "192.0.2.80", question(t, nsWeb, "udp", "outside.example", dns.TypeA))

	one, nsOne := start(t, m, Request{ContainerID: "one", Name: "one", Networks: on("one")})
	_, nsPeer := start(t, m, Request{ContainerID: "peer", Networks: on("one")})
	two, nsTwo := start(t, m, Request{ContainerID: "two", Networks: on("two")})
	hosttest.Serve(t, nsOne, "tcp", ":80", "one")
	hosttest.Serve(t, nsTwo, "tcp", ":80", "two")
	got, err := hosttest.Ask(t, nsPeer, "tcp", one.Endpoints()[0].IPv4+":80")
	require.NoError(t, err, "a neighbour")
	require.Contains(t, got, "one ")
	silent(t, nsOne, "tcp", two.Endpoints()[0].IPv4+":80")
	reasons, err := m.Obstacles(ctx)
	require.NoError(t, err)
	require.Contains(t, reasons[DefaultNetwork], "drops what is forwarded")
	require.Equal(t, before, firewalls(t, "vz-"+m.tag), "a foreign table was changed")
}

// TestForwardAllowed: where the firewall's owner has provided for the bridge,
// traffic is routed.
func TestForwardAllowed(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := hosttest.Outside(t)
	hosttest.Serve(t, world, "udp", ":99", "world")
	m := manager(t)
	bridge := bridgeOf(t, m, DefaultNetwork)
	foreign(t, nftables.TableFamilyIPv4, "filter", nftables.ChainPolicyDrop, ifname(expr.MetaKeyIIFNAME, bridge), ifname(expr.MetaKeyOIFNAME, bridge))
	_, ns := start(t, m, Request{ContainerID: "web", Networks: on(DefaultNetwork), Ports: []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"}}})
	hosttest.Serve(t, ns, "tcp", ":80", "web")
	answers(t, ns, "udp", "203.0.113.2:99", "world 203.0.113.1")
	answers(t, world, "tcp", "203.0.113.1:8080", "web 203.0.113.2")
	reasons, err := m.Obstacles(context.Background())
	require.NoError(t, err)
	require.Empty(t, reasons)
}

// TestFlushedRules: after somebody flushed all rules, published ports still
// work, and the next container has all rules again.
func TestFlushedRules(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	world := hosttest.Outside(t)
	hosttest.Serve(t, world, "tcp", ":99", "world")
	m := manager(t)
	_, ns := start(t, m, Request{ContainerID: "web", Networks: on(DefaultNetwork), Ports: []vzcontract.PortMapping{{ContainerPort: 80, HostPort: 8080, Protocol: "tcp"}}})
	hosttest.Serve(t, ns, "tcp", ":80", "web")
	c, err := nftables.New()
	require.NoError(t, err)
	c.FlushRuleset()
	require.NoError(t, c.Flush())
	answers(t, world, "tcp", "203.0.113.1:8080", "web 10.88.0.1")
	start(t, m, Request{ContainerID: "next", Networks: on(DefaultNetwork)})
	answers(t, ns, "tcp", "203.0.113.2:99", "world 203.0.113.1")
}
