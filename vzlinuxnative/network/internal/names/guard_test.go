package names

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// guard allows names below example and lets 192.0.2.1 be known.
type guard struct {
	mu     sync.Mutex
	opened []string // guarded by mu
	err    error
}

func (g *guard) Allows(name string) bool { return strings.HasSuffix(name, ".example") || name == "web" }

func (g *guard) Open(name string, addresses []netip.Addr, ttl time.Duration, own bool) ([]netip.Addr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, a := range addresses {
		g.opened = append(g.opened, name+" "+a.String()+" "+ttl.String()+map[bool]string{true: " own"}[own])
	}
	return slices.DeleteFunc(addresses, func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.66") }), g.err
}

// guarded starts a server with a guard, whose upstream answers with records and keeps
// what it is asked.
func guarded(t *testing.T, g *guard, records ...string) (address string, asked func() []*dns.Msg) {
	t.Helper()
	var mu sync.Mutex
	var all []*dns.Msg
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	up := &dns.Server{PacketConn: udp, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		mu.Lock()
		all = append(all, q)
		mu.Unlock()
		m := new(dns.Msg).SetReply(q)
		for _, s := range records {
			rr, err := dns.NewRR(s)
			if err != nil {
				t.Error(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = up.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = up.Shutdown() })
	down, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", down.LocalAddr().String())
	if err != nil {
		t.Skipf("the port is taken for tcp: %v", err)
	}
	z := &zone{names: map[string][]string{"web": {"10.1.0.2"}, "other": {"10.1.0.3"}}, upstream: []netip.AddrPort{netip.MustParseAddrPort(udp.LocalAddr().String())}}
	s := Serve(down, tcp, z, g)
	t.Cleanup(func() { _ = s.Close() })
	return down.LocalAddr().String(), func() []*dns.Msg {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

// TestGuardedQuestion: of a question nothing but the name and the type gets out.
func TestGuardedQuestion(t *testing.T) {
	g := &guard{}
	server, asked := guarded(t, g, "a.example. 300 A 192.0.2.1")
	same := 0
	const tries = 8
	for range tries {
		q := new(dns.Msg).SetQuestion("A.eXample.", dns.TypeA)
		q.Id, q.CheckingDisabled = 4711, true
		o := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
		o.Option = append(o.Option, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("secret")})
		q.Extra = append(q.Extra, o)
		m, _, err := new(dns.Client).Exchange(q, server)
		if err != nil || m.Id != 4711 || len(m.Answer) != 1 || m.Answer[0].Header().Name != "A.eXample." {
			t.Fatalf("answer %v, %v", m, err)
		}
	}
	for _, q := range asked() {
		if len(q.Extra) != 0 || q.CheckingDisabled || q.Question[0].Name != "a.example." {
			t.Errorf("sent on: %v", q)
		}
		if q.Id == 4711 {
			same++
		}
	}
	if same == tries {
		t.Error("the container chooses the id of what is sent on")
	}
}

func TestGuardedAnswers(t *testing.T) {
	tests := []struct {
		name    string
		records []string
		ask     string
		kind    uint16
		rcode   int
		want    []string
		opened  []string
	}{
		{
			name: "addresses", ask: "a.example.", records: []string{"a.example. 300 A 192.0.2.1", "a.example. 200 A 192.0.2.66"},
			want: []string{"192.0.2.1"}, opened: []string{"a.example 192.0.2.1 3m20s", "a.example 192.0.2.66 3m20s"},
		},
		{name: "long", ask: "a.example.", records: []string{"a.example. 999999 A 192.0.2.1"}, want: []string{"192.0.2.1"}, opened: []string{"a.example 192.0.2.1 1h0m0s"}},
		{
			name: "alias", ask: "a.example.", records: []string{"a.example. 5 CNAME b.test.", "b.test. 300 CNAME C.test.", "c.test. 300 A 192.0.2.1"},
			want: []string{"192.0.2.1"}, opened: []string{"a.example 192.0.2.1 5s"},
		},
		{name: "another name's", ask: "a.example.", records: []string{"b.test. 300 A 192.0.2.1"}},
		{name: "another type", ask: "a.example.", records: []string{"a.example. 300 AAAA 2001:db8::1"}},
		{name: "loop", ask: "a.example.", records: []string{"a.example. 5 CNAME b.test.", "b.test. 5 CNAME a.example."}, rcode: dns.RcodeServerFailure},
		{name: "text", ask: "a.example.", kind: dns.TypeTXT, records: []string{`a.example. 300 TXT "x"`}},
		{name: "not allowed", ask: "a.test.", records: []string{"a.test. 300 A 192.0.2.1"}, rcode: dns.RcodeNameError},
		{name: "neighbour", ask: "web.", want: []string{"10.1.0.2"}, opened: []string{"web 10.1.0.2 10s own"}},
		{name: "neighbour that is not allowed", ask: "other.", want: []string{"10.1.0.3"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := &guard{}
			server, asked := guarded(t, g, tt.records...)
			kind := tt.kind
			if kind == 0 {
				kind = dns.TypeA
			}
			m := ask(t, server, "udp", tt.ask, kind)
			var got []string
			for _, rr := range m.Answer {
				got = append(got, rr.(*dns.A).A.String())
			}
			if m.Rcode != tt.rcode || !slices.Equal(got, tt.want) || !slices.Equal(g.opened, tt.opened) {
				t.Errorf("%s = %s %q and opens %q, want %s %q and %q", tt.ask, dns.RcodeToString[m.Rcode], got, g.opened, dns.RcodeToString[tt.rcode], tt.want, tt.opened)
			}
			if n := len(asked()); n > 0 && (tt.rcode == dns.RcodeNameError || tt.kind != 0) {
				t.Errorf("%s is sent on", tt.ask)
			}
		})
	}
	g := &guard{err: errors.New("no room")}
	server, _ := guarded(t, g, "a.example. 300 A 192.0.2.1")
	if m := ask(t, server, "udp", "a.example.", dns.TypeA); m.Rcode != dns.RcodeServerFailure || len(m.Answer) != 0 {
		t.Errorf("what could not be opened is told: %v", m)
	}
}

// TestGuardedRate: who asks too often is told so, and nothing is sent on.
func TestGuardedRate(t *testing.T) {
	s := &Server{zone: &zone{}, guard: &guard{}, asked: bucket{last: time.Now().Add(time.Hour)}}
	raw, err := new(dns.Msg).SetQuestion("a.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	q, _ := parse(raw)
	var m dns.Msg
	if err := m.Unpack(s.askGuarded(t.Context(), q, "udp")); err != nil || m.Rcode != dns.RcodeServerFailure {
		t.Errorf("answer %v, %v, want SERVFAIL", m, err)
	}
}

func TestBucket(t *testing.T) {
	var b bucket
	now := time.Now()
	n := 0
	for b.take(now) {
		n++
	}
	if n != burst {
		t.Errorf("%d at once, want %d", n, burst)
	}
	for range perSecond {
		if !b.take(now.Add(time.Second)) {
			t.Fatal("a second later it is still empty")
		}
	}
	if b.take(now.Add(time.Second)) {
		t.Error("it has more than the rate")
	}
}
