//go:build linux

package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// internet is the outside world with more addresses, each of which answers on ports 80
// and 443 by TCP and 53 by UDP.
func internet(t testing.TB, addresses ...string) *os.File {
	t.Helper()
	world := hosttest.Outside(t)
	require.NoError(t, hosttest.In(t, world, func() error {
		for _, s := range addresses {
			a := netip.MustParseAddr(s)
			if err := netlink.AddrAdd(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Index: 1}}, address(a, a.BitLen())); err != nil {
				return err
			}
		}
		for _, back := range []string{"10.0.0.0/8 203.0.113.1", "fd00::/8 2001:db8::1"} {
			to, via, _ := strings.Cut(back, " ")
			dst, err := netlink.ParseIPNet(to)
			if err != nil {
				return err
			}
			if err := netlink.RouteReplace(&netlink.Route{Dst: dst, Gw: netip.MustParseAddr(via).AsSlice()}); err != nil {
				return err
			}
		}
		return nil
	}))
	hosttest.Serve(t, world, "tcp", ":80", "world")
	hosttest.Serve(t, world, "tcp", ":443", "world")
	hosttest.Serve(t, world, "udp", ":53", "world")
	return world
}

// A resolver is the host's: it knows names by whole records and counts what it is asked.
type resolver struct {
	records []dns.RR
	asked   atomic.Int64
}

func (r *resolver) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	r.asked.Add(1)
	m := new(dns.Msg).SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	m.Rcode = dns.RcodeNameError
	for again, times := true, 0; again && times < 20; times++ {
		again = false
		for _, rr := range r.records {
			h := rr.Header()
			if h.Name != name && !(strings.HasPrefix(h.Name, "*.") && strings.HasSuffix(name, h.Name[1:])) {
				continue
			}
			m.Rcode = dns.RcodeSuccess
			rr = dns.Copy(rr)
			rr.Header().Name = name
			switch {
			case h.Rrtype == q.Question[0].Qtype:
				m.Answer = append(m.Answer, rr)
			case h.Rrtype == dns.TypeCNAME:
				m.Answer = append(m.Answer, rr)
				name, again = rr.(*dns.CNAME).Target, true
			}
			if again {
				break
			}
		}
	}
	m.Truncate(dns.MinMsgSize)
	if w.LocalAddr().Network() == "tcp" {
		m.Truncated = false
	}
	_ = w.WriteMsg(m)
}

// resolves makes a resolver of the test host's.
func resolves(t testing.TB, records ...string) *resolver {
	t.Helper()
	r := &resolver{}
	for _, s := range records {
		rr, err := dns.NewRR(s)
		require.NoError(t, err, s)
		r.records = append(r.records, rr)
	}
	udp, err := net.ListenPacket("udp4", "127.0.0.1:53")
	require.NoError(t, err)
	tcp, err := net.Listen("tcp4", "127.0.0.1:53")
	require.NoError(t, err)
	for _, s := range []*dns.Server{{PacketConn: udp, Handler: r}, {Listener: tcp, Handler: r}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	hostResolvConf = filepath.Join(t.TempDir(), "resolv.conf")
	realResolvConf = hostResolvConf + ".none"
	require.NoError(t, os.WriteFile(hostResolvConf, []byte("nameserver 127.0.0.1\n"), 0o600))
	return r
}

// refused checks that nothing answers, and that this is told at once.
func refused(t testing.TB, ns *os.File, network, address string) {
	t.Helper()
	begin := time.Now()
	got, err := hosttest.AskWithin(t, ns, network, address, 5*time.Second)
	if err == nil {
		t.Errorf("%s %s answers %q, want nothing", network, address, got)
		return
	}
	for _, is := range []error{unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.EACCES, unix.ENETUNREACH} {
		if errors.Is(err, is) {
			return
		}
	}
	t.Errorf("%s %s fails after %v with %v, want that it is refused", network, address, time.Since(begin), err)
}

func reaches(t testing.TB, ns *os.File, network, address string) {
	t.Helper()
	if got, err := hosttest.Ask(t, ns, network, address); err != nil || !strings.HasPrefix(got, "world ") {
		t.Errorf("%s %s answers %q, %v, want the world", network, address, got, err)
	}
}

func allow(entries ...string) *vzcontract.EgressPolicy {
	return &vzcontract.EgressPolicy{Allow: entries}
}

// dual makes a network of IPv4 and IPv6.
func dual(t testing.TB, m *Manager, name string) {
	t.Helper()
	_, err := m.Create(context.Background(), vzcontract.NetworkConfig{Name: name, IPv6: true})
	require.NoError(t, err)
}

const (
	otherWorld4 = "198.51.100.7"
	otherWorld6 = "2001:db8:1::7"
	metadata4   = "169.254.169.254"
	metadata6   = "fd00:ec2::254"
)

// TestEgressAddresses: of addresses, those of the policy are reached, by their ports
// alone, and all others are refused at once.
func TestEgressAddresses(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	serveEgressAddresses(t)
	bothFilters(t, egressAddresses)
}

func serveEgressAddresses(t testing.TB) {
	world := internet(t, otherWorld4, otherWorld6, metadata4, metadata6, "100.100.100.200", "10.200.0.1")
	hosttest.Serve(t, world, "udp", otherWorld4+":54", "world")
	hosttest.Serve(t, hostSpace(t), "tcp", ":8080", "host")
}

// bothFilters runs a test without and with frames inside bridges that pass the rules of
// IP.
func bothFilters(t *testing.T, do func(t *testing.T)) {
	for _, filter := range []string{"0", "1"} {
		t.Run("br_netfilter "+filter, func(t *testing.T) {
			for _, name := range []string{"iptables", "ip6tables"} {
				err := os.WriteFile(procNet+"bridge/bridge-nf-call-"+name, []byte(filter), 0)
				if errors.Is(err, os.ErrNotExist) && filter == "1" {
					t.Skip("requires the kernel's br_netfilter")
				}
				if !errors.Is(err, os.ErrNotExist) {
					require.NoError(t, err)
				}
			}
			do(t)
		})
	}
}

func egressAddresses(t *testing.T) {
	resolves(t)
	checkEgressAddresses(t, manager(t))
}

func checkEgressAddresses(t *testing.T, m *Manager) {
	dual(t, m, "net")
	free, freeNS := start(t, m, Request{ContainerID: "free", Name: "free", Networks: on("net")})
	hosttest.Serve(t, freeNS, "tcp", ":80", "free")
	held, ns := start(t, m, Request{ContainerID: "held", Name: "held", Networks: on("net"), Egress: allow(
		"203.0.113.0/24:80/tcp", otherWorld4, "[2001:db8::/64]:443", "[2001:db8::2]:53/udp", "0.0.0.0/0:443", "[::/0]:81", "100.64.0.0/10", "fd00::/8")})
	_, none := start(t, m, Request{ContainerID: "none", Networks: on("net"), Egress: allow()})

	reaches(t, ns, "tcp", "203.0.113.2:80")
	refused(t, ns, "udp", "203.0.113.2:53")
	reaches(t, ns, "tcp", "203.0.113.2:443") // 0.0.0.0/0:443
	reaches(t, ns, "tcp", otherWorld4+":80")
	reaches(t, ns, "udp", otherWorld4+":54")
	reaches(t, ns, "tcp", "[2001:db8::2]:443")
	reaches(t, ns, "udp", "[2001:db8::2]:53")
	refused(t, ns, "tcp", "[2001:db8::2]:80")
	refused(t, ns, "tcp", "["+otherWorld6+"]:443")
	refused(t, ns, "udp", "["+otherWorld6+"]:53")
	for _, a := range []string{metadata4, "100.100.100.200"} { // in 0.0.0.0/0:443 and 100.64.0.0/10
		refused(t, ns, "tcp", a+":80")
		refused(t, ns, "tcp", a+":443")
	}
	refused(t, ns, "tcp", "["+metadata6+"]:80") // in fd00::/8

	e := free.Endpoints()[0]
	for _, a := range []string{otherWorld4 + ":80", "203.0.113.2:443", "[2001:db8::2]:443", e.IPv4 + ":80", "[" + e.IPv6 + "]:80", e.Gateway4 + ":8080", "[" + e.Gateway6 + "]:8080", "203.0.113.1:8080", "203.0.113.1:443"} {
		refused(t, none, "tcp", a)
	}
	for _, a := range []string{e.IPv4 + ":80", e.Gateway4 + ":8080", "203.0.113.1:8080"} {
		refused(t, ns, "tcp", a)
	}
	answers(t, ns, "tcp", "["+e.IPv6+"]:80", "free "+held.Endpoints()[0].IPv6) // fd00::/8 has the neighbour
	for _, a := range []string{otherWorld4, metadata4, "[" + otherWorld6 + "]", "[2001:db8::2]", "10.200.0.1"} {
		reaches(t, freeNS, "tcp", a+":80")
	}
}

// hostSpace is the test's own namespace as a file.
func hostSpace(t testing.TB) *os.File {
	t.Helper()
	f, err := os.Open("/proc/thread-self/ns/net")
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}
