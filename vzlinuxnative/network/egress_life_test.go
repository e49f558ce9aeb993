//go:build linux

package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// policedNow checks who has rules.
func policedNow(t testing.TB, m *Manager, want ...*Sandbox) {
	t.Helper()
	devices, addresses, err := m.table.Policed()
	require.NoError(t, err)
	var wantDevices, wantAddresses, gotAddresses []string
	for _, s := range want {
		for _, p := range s.places {
			wantDevices = append(wantDevices, p.lease.Link)
			wantAddresses = append(wantAddresses, p.lease.Endpoint.IPv4)
		}
	}
	for _, a := range addresses {
		gotAddresses = append(gotAddresses, a.String())
	}
	require.ElementsMatch(t, wantDevices, devices)
	require.ElementsMatch(t, wantAddresses, gotAddresses)
}

// TestEgressConnect: the policy is that of networks that come later too, with what
// names have opened; what leaves takes its rules along.
func TestEgressConnect(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t, otherWorld4)
	resolves(t, "good.example. 300 A "+otherWorld4)
	m := manager(t)
	ctx := context.Background()
	for _, name := range []string{"front", "back"} {
		_, err := m.Create(ctx, vzcontract.NetworkConfig{Name: name})
		require.NoError(t, err)
	}
	neighbour, neighbourNS := start(t, m, Request{ContainerID: "n", Networks: on("back")})
	hosttest.Serve(t, neighbourNS, "tcp", ":80", "neighbour")
	s, ns := start(t, m, Request{ContainerID: "held", Networks: on("front"), Egress: allow("good.example:80")})
	policedNow(t, m, s)
	require.Equal(t, otherWorld4, question(t, ns, "udp", "good.example", dns.TypeA))
	reaches(t, ns, "tcp", otherWorld4+":80")
	require.NoError(t, s.Attach(ctx, vzcontract.NetworkAttach{Network: "back"}))
	policedNow(t, m, s)
	refused(t, ns, "tcp", neighbour.Endpoints()[0].IPv4+":80")
	require.NoError(t, s.Detach(ctx, "front"))
	policedNow(t, m, s)
	reaches(t, ns, "tcp", otherWorld4+":80") // opened before, by another address
	refused(t, ns, "tcp", otherWorld4+":443")
	require.ErrorIs(t, s.Attach(ctx, vzcontract.NetworkAttach{Network: "front", LinkLocal: []string{"169.254.1.1"}}), vzcontract.ErrValidation)
	require.NoError(t, s.Detach(ctx, "back"))
	policedNow(t, m)
	require.NoError(t, s.Attach(ctx, vzcontract.NetworkAttach{Network: "front"}))
	reaches(t, ns, "tcp", otherWorld4+":80")
	require.NoError(t, s.Close(ctx))
	policedNow(t, m)
	require.NoError(t, neighbour.Close(ctx))
	nothingLeft(t, m)
}

// TestEgressMany: containers have each a policy of their own, and what a name opened for
// one is not open to another, nor to who gets its address.
func TestEgressMany(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t, otherWorld4)
	resolves(t, "good.example. 300 A "+otherWorld4)
	m := manager(t)
	ctx := context.Background()
	at := func(ip string) []vzcontract.NetworkAttach {
		return []vzcontract.NetworkAttach{{Network: DefaultNetwork, IPv4: ip}}
	}
	a, aNS := start(t, m, Request{ContainerID: "a", Networks: at("10.88.0.11"), Egress: allow("good.example")})
	b, bNS := start(t, m, Request{ContainerID: "b", Networks: at("10.88.0.12"), Egress: allow("good.example")})
	c, cNS := start(t, m, Request{ContainerID: "c", Networks: at("10.88.0.13"), Egress: allow("203.0.113.2")})
	require.Equal(t, otherWorld4, question(t, aNS, "udp", "good.example", dns.TypeA))
	reaches(t, aNS, "tcp", otherWorld4+":80")
	refused(t, bNS, "tcp", otherWorld4+":80")
	refused(t, aNS, "tcp", "203.0.113.2:80")
	reaches(t, cNS, "tcp", "203.0.113.2:80")
	policedNow(t, m, a, b, c)
	require.NoError(t, a.Close(ctx))
	policedNow(t, m, b, c)
	again, aNS := start(t, m, Request{ContainerID: "again", Networks: at("10.88.0.11"), Egress: allow("good.example")})
	refused(t, aNS, "tcp", otherWorld4+":80")
	reaches(t, cNS, "tcp", "203.0.113.2:80")
	for _, s := range []*Sandbox{again, b, c} {
		require.NoError(t, s.Close(ctx))
	}
	nothingLeft(t, m)
}

// TestEgressProcesses starts containers with policies at once, each from a process of its
// own; all are killed but one.
func TestEgressProcesses(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	const count = 16
	dir := t.TempDir()
	m := Open(Options{Dir: filepath.Join(dir, "networks"), RunDir: filepath.Join(dir, "run")})
	var all sync.WaitGroup
	said := make([]string, count)
	monitors, ends := make([]*exec.Cmd, count), make([]func(), count)
	for i := range count {
		all.Go(func() { monitors[i], said[i], ends[i] = monitor(t, "egress", dir, fmt.Sprintf("c%d", i)) })
	}
	all.Wait()
	for _, s := range said {
		require.True(t, strings.HasPrefix(s, "at "), s)
	}
	devices, addresses, err := m.table.Policed()
	require.NoError(t, err)
	require.Len(t, devices, count)
	require.Len(t, addresses, count)
	for i := 1; i < count; i++ {
		require.NoError(t, monitors[i].Process.Kill())
		_ = monitors[i].Wait()
	}
	_, err = m.Repair(context.Background(), func(string) bool { return false })
	require.NoError(t, err)
	devices, addresses, err = m.table.Policed()
	require.NoError(t, err)
	require.Len(t, devices, 1)
	require.Len(t, addresses, 1)
	ends[0]()
	nothingLeft(t, m)
}

// TestEgressKilled: what the process of a container leaves that is killed is held as
// before, and goes with all else that it left.
func TestEgressKilled(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t)
	m := manager(t)
	ctx := context.Background()
	stays, _ := start(t, m, Request{ContainerID: "stays", Networks: on(DefaultNetwork), Egress: allow()})
	killed := func() (ns *os.File, s *Sandbox) {
		t.Helper()
		s, err := Open(m.opts).Reserve(ctx, Request{ContainerID: "killed", Networks: on(DefaultNetwork), Egress: allow("203.0.113.2:80")})
		require.NoError(t, err)
		ns, err = hosttest.Unshare()
		require.NoError(t, err)
		require.NoError(t, s.Connect(ctx, ns))
		require.NoError(t, s.claim.Close()) // as the process's end does
		return ns, s
	}
	ends := func(ns *os.File, s *Sandbox) { // as the container's end does
		t.Helper()
		link, err := netlink.LinkByName(s.places[0].lease.Link)
		require.NoError(t, err)
		require.NoError(t, netlink.LinkDel(link))
		require.NoError(t, ns.Close())
	}

	ns, _ := killed()
	reaches(t, ns, "tcp", "203.0.113.2:80")
	refused(t, ns, "tcp", "203.0.113.2:443")
	require.NoError(t, m.Release(ctx, "killed"))
	policedNow(t, m, stays)
	require.NoError(t, ns.Close())

	ns, s := killed()
	ends(ns, s)
	require.NoError(t, m.Release(ctx, "killed"))
	policedNow(t, m, stays)

	ns, s = killed()
	ends(ns, s)
	n, err := m.load(s.places[0].net.Info.ID)
	require.NoError(t, err)
	require.NoError(t, m.locked(func() error { return m.dropDead(n) }))
	policedNow(t, m, stays)

	ns, s = killed()
	ends(ns, s)
	n, err = m.load(s.places[0].net.Info.ID)
	require.NoError(t, err)
	delete(n.Leases, "killed")
	require.NoError(t, m.saveLease(n, "killed")) // its record is lost
	faults, err := m.Repair(ctx, func(string) bool { return true })
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, "egress rules of 10.88.0.") }), "%v", faults)
	policedNow(t, m, stays)
	faults, err = m.Verify(ctx, func(string) bool { return true })
	require.NoError(t, err)
	require.Empty(t, faults)
	require.NoError(t, m.Release(ctx, "killed"))
	require.NoError(t, stays.Close(ctx))
	nothingLeft(t, m)
}

// TestEgressFlushed: who empties the host's rules does not set anybody free.
func TestEgressFlushed(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t, otherWorld4)
	resolves(t, "good.example. 300 A "+otherWorld4)
	m := manager(t)
	s, ns := start(t, m, Request{ContainerID: "held", Networks: on(DefaultNetwork), Egress: allow("203.0.113.2:80", "good.example:80")})
	other, _ := start(t, m, Request{ContainerID: "other", Networks: on(DefaultNetwork), Egress: allow()})
	require.Equal(t, otherWorld4, question(t, ns, "udp", "good.example", dns.TypeA))
	check := func() {
		t.Helper()
		reaches(t, ns, "tcp", "203.0.113.2:80")
		reaches(t, ns, "tcp", otherWorld4+":80")
		refused(t, ns, "tcp", "203.0.113.2:443")
		policedNow(t, m, s, other)
	}
	check()
	for range 3 {
		c, err := nftables.New()
		require.NoError(t, err)
		c.FlushRuleset()
		require.NoError(t, c.Flush())
		require.Eventually(t, func() bool {
			for _, s := range []*Sandbox{s, other} {
				stands, err := m.table.Stands(s.places[0].endpoint())
				link, lookup := netlink.LinkByName(s.places[0].lease.Link)
				if err != nil || lookup != nil || !stands || link.Attrs().Flags&net.FlagUp == 0 {
					return false
				}
			}
			return true
		}, 10*time.Second, 5*time.Millisecond, "the rules do not come back")
		check()
	}
	for _, s := range []*Sandbox{s, other} {
		require.NoError(t, s.Close(context.Background()))
	}
	nothingLeft(t, m)
}

// TestEgressBlocked: where another firewall keeps the host from routing, connections go
// by the relay, which holds to the policy.
func TestEgressBlocked(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t, otherWorld4, metadata4)
	resolves(t, "good.example. 300 A "+otherWorld4)
	hosttest.Serve(t, hostSpace(t), "tcp", ":8080", "host")
	foreign(t, nftables.TableFamilyIPv4, "filter", nftables.ChainPolicyDrop)
	m := manager(t)
	s, ns := start(t, m, Request{ContainerID: "held", Networks: on(DefaultNetwork), Egress: allow("203.0.113.2:80", "good.example:80/tcp", "0.0.0.0/0:81")})
	answers(t, ns, "tcp", "203.0.113.2:80", "world 203.0.113.1")
	none := func(to string) {
		t.Helper()
		if got, err := hosttest.AskWithin(t, ns, "tcp", to, 5*time.Second); err == nil && got != "" || os.IsTimeout(err) {
			t.Errorf("%s answers %q, %v", to, got, err)
		}
	}
	for _, to := range []string{"203.0.113.2:443", otherWorld4 + ":80", metadata4 + ":80", s.Endpoints()[0].Gateway4 + ":8080", "203.0.113.1:8080"} {
		none(to)
	}
	require.Equal(t, otherWorld4, question(t, ns, "udp", "good.example", dns.TypeA))
	answers(t, ns, "tcp", otherWorld4+":80", "world 203.0.113.1")
	none(otherWorld4 + ":443")
	_, err := s.DialOut(context.Background(), netip.MustParseAddrPort(metadata4+":81"))
	require.ErrorIs(t, err, vzcontract.ErrDenied)
}

// TestEgressRefused: a policy that cannot be read, or held, is no policy.
func TestEgressRefused(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	_, err := m.Reserve(context.Background(), Request{ContainerID: "c", Networks: on(DefaultNetwork), Egress: allow("a b")})
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	_, err = m.Reserve(context.Background(), Request{
		ContainerID: "c", Networks: []vzcontract.NetworkAttach{{Network: DefaultNetwork, LinkLocal: []string{"169.254.1.1"}}}, Egress: allow(),
	})
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	nothingLeft(t, m)
}

// TestEgressStands: the rules of a container are seen to stand while those of many others
// come and go, or its port would be set down.
func TestEgressStands(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	held, _ := start(t, m, Request{ContainerID: "held", Networks: on(DefaultNetwork), Egress: allow()})
	c, err := nftables.New()
	require.NoError(t, err)
	tables, err := c.ListTablesOfFamily(nftables.TableFamilyINet)
	require.NoError(t, err)
	i := slices.IndexFunc(tables, func(t *nftables.Table) bool { return strings.HasSuffix(t.Name, "-egress") })
	require.GreaterOrEqual(t, i, 0)
	table := tables[i]
	for i := range 600 {
		c.AddChain(&nftables.Chain{Table: table, Name: fmt.Sprintf("before%d", i)})
		if i%100 == 99 {
			require.NoError(t, c.Flush())
		}
	}
	other, _ := start(t, m, Request{ContainerID: "other", Networks: on(DefaultNetwork), Egress: allow()})
	require.NoError(t, held.Close(context.Background()))
	done := make(chan error)
	go func() {
		c, err := nftables.New()
		for i := 0; i < 600 && err == nil; i++ {
			c.DelChain(&nftables.Chain{Table: table, Name: fmt.Sprintf("before%d", i)})
			err = c.Flush()
		}
		done <- err
	}()
	for {
		stands, err := m.table.Stands(other.places[0].endpoint())
		if err != nil || !stands {
			t.Fatalf("the rules are said to be gone: %v", err)
		}
		select {
		case err := <-done:
			require.NoError(t, err)
			return
		default:
		}
	}
}
