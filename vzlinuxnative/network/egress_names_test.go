//go:build linux

package network

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/network/internal/hosttest"
)

// TestEgressNames: an allowed name is resolved, and what it resolves to is reached from
// then on; of an answer only public addresses are let in.
func TestEgressNames(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t, otherWorld4, otherWorld6, metadata4, "10.200.0.1", "10.201.0.1", "198.51.100.8")
	r := resolves(t,
		"good.example. 300 A "+otherWorld4, "good.example. 300 AAAA "+otherWorld6, `good.example. 300 TXT "secret"`,
		"*.below.example. 0 A "+otherWorld4,
		"alias.example. 300 CNAME far.elsewhere.example.", "far.elsewhere.example. 20 A 198.51.100.8",
		"loop.example. 300 CNAME loop.example.",
		"rebound.example. 1 A "+metadata4, "rebound.example. 1 A 10.200.0.1", "rebound.example. 1 A 127.0.0.1", "rebound.example. 1 A 203.0.113.1",
		"rebound.example. 1 A 0.0.0.0", "rebound.example. 1 A 10.201.0.1", "rebound.example. 1 A 198.51.100.8",
		"rebound.example. 1 AAAA ::ffff:169.254.169.254", "rebound.example. 1 AAAA fe80::1", "rebound.example. 1 AAAA fd00::1", "rebound.example. 1 AAAA 64:ff9b::a00:1",
		"other.example. 300 A 203.0.113.2",
	)
	m := manager(t)
	dual(t, m, "net")
	_, ns := start(t, m, Request{ContainerID: "held", Name: "held", Networks: on("net"), Egress: allow(
		"good.example:80", "*.below.example:443/tcp", "ALIAS.example", "loop.example", "rebound.example:80", "10.201.0.0/16:80")})
	start(t, m, Request{ContainerID: "n", Name: "neighbour", Networks: on("net")})

	refused(t, ns, "tcp", otherWorld4+":80") // nobody has asked for the name yet
	tests := []struct {
		name string
		kind uint16
		want string
	}{
		{"good.example", dns.TypeA, otherWorld4},
		{"GOOD.example", dns.TypeAAAA, otherWorld6},
		{"good.example", dns.TypeTXT, "NOERROR"},
		{"good.example", dns.TypeANY, "NOERROR"},
		{"below.example", dns.TypeA, "NXDOMAIN"},
		{"good.example.", dns.TypeMX, "NOERROR"},
		{"alias.example", dns.TypeA, "198.51.100.8"},
		{"far.elsewhere.example", dns.TypeA, "NXDOMAIN"},
		{"loop.example", dns.TypeA, "SERVFAIL"},
		{"rebound.example", dns.TypeA, "10.201.0.1 198.51.100.8"},
		{"rebound.example", dns.TypeAAAA, "NOERROR"},
		{"other.example", dns.TypeA, "NXDOMAIN"},
		{"evilgood.example", dns.TypeA, "NXDOMAIN"},
		{"2.113.0.203.in-addr.arpa", dns.TypePTR, "NXDOMAIN"},
		{"neighbour", dns.TypeA, "10.88.0.3"},
	}
	for _, tt := range tests {
		for _, by := range []string{"udp", "tcp"} {
			if got := question(t, ns, by, tt.name, tt.kind); got != tt.want {
				t.Errorf("%s %s by %s = %q, want %q", tt.name, dns.TypeToString[tt.kind], by, got, tt.want)
			}
		}
	}
	reaches(t, ns, "tcp", otherWorld4+":80")
	reaches(t, ns, "tcp", "["+otherWorld6+"]:80")
	refused(t, ns, "tcp", otherWorld4+":443")
	require.Equal(t, otherWorld4, question(t, ns, "udp", "deep.in.below.example", dns.TypeA))
	reaches(t, ns, "tcp", otherWorld4+":443")
	reaches(t, ns, "tcp", "198.51.100.8:443") // by the alias
	reaches(t, ns, "tcp", "10.201.0.1:80")    // the range is allowed
	refused(t, ns, "tcp", "10.201.0.1:443")
	for _, a := range []string{metadata4, "10.200.0.1", "203.0.113.1", "203.0.113.2", "10.88.0.3"} {
		refused(t, ns, "tcp", a+":80")
	}
	refused(t, ns, "udp", "203.0.113.2:53") // another server for names
	before := r.asked.Load()
	question(t, ns, "udp", "stolen-data.evil.example", dns.TypeA)
	require.Equal(t, before, r.asked.Load(), "a question for a name that is not allowed got out")
}

// TestEgressNamesNear: who controls a listed name cannot point it at neighbours, be their
// network's addresses public ones.
func TestEgressNamesNear(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t)
	resolves(t, "rebound.example. 1 A 192.0.2.9")
	m := manager(t)
	_, err := m.Create(context.Background(), vzcontract.NetworkConfig{Name: "public", Subnets: []string{"192.0.2.0/24"}})
	require.NoError(t, err)
	_, dbNS := start(t, m, Request{ContainerID: "db", Name: "db", Networks: []vzcontract.NetworkAttach{{Network: "public", IPv4: "192.0.2.9"}}})
	hosttest.Serve(t, dbNS, "tcp", ":80", "db")
	_, ns := start(t, m, Request{ContainerID: "held", Networks: on("public"), Egress: allow("rebound.example", "db")})
	require.Equal(t, "NOERROR", question(t, ns, "udp", "rebound.example", dns.TypeA))
	refused(t, ns, "tcp", "192.0.2.9:80")
	require.Equal(t, "192.0.2.9", question(t, ns, "udp", "db", dns.TypeA))
	_, err = hosttest.Ask(t, ns, "tcp", "192.0.2.9:80")
	require.NoError(t, err)
}

// TestEgressPinsEnd: what a name opened is closed after its time; connections go on.
func TestEgressPinsEnd(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	internet(t, otherWorld4)
	resolves(t)
	m := manager(t)
	s, ns := start(t, m, Request{ContainerID: "held", Networks: on(DefaultNetwork), Egress: allow("good.example")})
	pin := func(for_ time.Duration) {
		t.Helper()
		require.NoError(t, m.table.Repin(reached{addr: netip.MustParseAddr(otherWorld4)}.pins(s.places, for_)))
	}
	pin(time.Hour)
	reaches(t, ns, "tcp", otherWorld4+":80")
	pin(300 * time.Millisecond) // instead of the hour
	reaches(t, ns, "tcp", otherWorld4+":80")
	require.Eventually(t, func() bool {
		_, err := hosttest.AskWithin(t, ns, "tcp", otherWorld4+":80", time.Second)
		return err != nil
	}, 10*time.Second, 20*time.Millisecond, "the pin has no end")
	pin(time.Hour)
	reaches(t, ns, "tcp", otherWorld4+":80")
}

// TestEgressNeighbour: a container on the same network is reached by its name if the
// policy has that.
func TestEgressNeighbour(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	bothFilters(t, egressNeighbour)
}

func egressNeighbour(t *testing.T) {
	resolves(t)
	m := manager(t)
	dual(t, m, "net")
	db, dbNS := start(t, m, Request{ContainerID: "db", Name: "db", Networks: on("net")})
	hosttest.Serve(t, dbNS, "tcp", ":5432", "db")
	hosttest.Serve(t, dbNS, "tcp", ":22", "db")
	held, ns := start(t, m, Request{ContainerID: "held", Name: "held", Networks: on("net"), Egress: allow("db:5432")})
	hosttest.Serve(t, ns, "tcp", ":80", "held")
	d, h := db.Endpoints()[0], held.Endpoints()[0]
	for _, a := range []struct{ db, held string }{{d.IPv4, h.IPv4}, {"[" + d.IPv6 + "]", "[" + h.IPv6 + "]"}} {
		refused(t, ns, "tcp", a.db+":5432")
	}
	require.Equal(t, d.IPv4, question(t, ns, "udp", "db", dns.TypeA))
	require.Equal(t, d.IPv6, question(t, ns, "udp", "db", dns.TypeAAAA))
	answers(t, ns, "tcp", d.IPv4+":5432", "db "+h.IPv4)
	answers(t, ns, "tcp", "["+d.IPv6+"]:5432", "db "+h.IPv6)
	refused(t, ns, "tcp", d.IPv4+":22")
	refused(t, ns, "tcp", "["+d.IPv6+"]:22")
	// The other way it is the neighbour that begins.
	answers(t, dbNS, "tcp", h.IPv4+":80", "held "+d.IPv4)
	answers(t, dbNS, "tcp", "["+h.IPv6+"]:80", "held "+d.IPv6)
	answers(t, nil, "tcp", h.IPv4+":80", "held "+h.Gateway4)
}

// TestEgressFlood: a container that asks for ever more names gets no more of the
// kernel's memory.
func TestEgressFlood(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	m := manager(t)
	s, _ := start(t, m, Request{ContainerID: "held", Networks: on(DefaultNetwork), Egress: allow("*.example:443")})
	many := make([]netip.Addr, maxPins+1)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{198, 51, byte(100 + i/250), byte(1 + i%250)})
	}
	_, err := s.egress.Open("a.example", many[:700], time.Hour, false)
	require.NoError(t, err)
	_, err = s.egress.Open("b.example", many[700:], time.Hour, false)
	require.ErrorIs(t, err, vzcontract.ErrConflict)
	require.ErrorContains(t, err, "1024 addresses")
	_, err = s.egress.Open("a.example", many[:700], time.Hour, false)
	require.NoError(t, err, "what is open stays")
	require.NoError(t, s.Close(context.Background()))
	nothingLeft(t, m)
}

// TestEgressFragments: what is too long for a frame gets to a neighbour whose port is
// listed, and to no other port.
func TestEgressFragments(t *testing.T) {
	if !hosttest.Enter(t) {
		return
	}
	bothFilters(t, func(t *testing.T) {
		m := manager(t)
		dual(t, m, "net")
		db, dbNS := start(t, m, Request{ContainerID: "db", Networks: on("net")})
		hosttest.Serve(t, dbNS, "udp", ":53", "db")
		hosttest.Serve(t, dbNS, "udp", ":54", "db")
		d := db.Endpoints()[0]
		_, ns := start(t, m, Request{ContainerID: "held", Networks: on("net"), Egress: allow(d.IPv4+":53", "["+d.IPv6+"]:53/udp")})
		for _, a := range []string{d.IPv4, "[" + d.IPv6 + "]"} {
			for port, patience := range map[string]time.Duration{":53": 5 * time.Second, ":54": 500 * time.Millisecond} {
				require.NoError(t, hosttest.In(t, ns, func() error {
					c, err := net.Dial("udp", a+port)
					if err != nil {
						return err
					}
					defer c.Close()
					if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
						return err
					}
					if _, err := c.Write(make([]byte, 4000)); err != nil {
						return err
					}
					if _, err := c.Read(make([]byte, 100)); (err == nil) != (port == ":53") {
						t.Errorf("%s answers with %v", a+port, err)
					}
					return nil
				}))
			}
		}
	})
}
