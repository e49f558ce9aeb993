package names

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

type zone struct {
	names    map[string][]string
	upstream []netip.AddrPort
}

func (z *zone) Lookup(name string) (list []netip.Addr, known bool) {
	for _, s := range z.names[name] {
		list = append(list, netip.MustParseAddr(s))
	}
	return list, z.names[name] != nil
}

func (z *zone) Reverse(a netip.Addr) ([]string, bool) {
	var names []string
	for n, addresses := range z.names {
		if slices.Contains(addresses, a.String()) {
			names = append(names, n)
		}
	}
	return names, netip.MustParsePrefix("10.1.0.0/24").Contains(a) || a.Is6()
}

func (z *zone) Upstream() []netip.AddrPort { return z.upstream }

// serve starts a server on loopback and returns its address.
func serve(t testing.TB, z Zone) string {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		t.Skipf("the port is taken for tcp: %v", err)
	}
	s := Serve(udp, tcp, z, nil)
	t.Cleanup(func() { _ = s.Close() })
	return udp.LocalAddr().String()
}

func ask(t testing.TB, server, network, name string, kind uint16) *dns.Msg {
	t.Helper()
	m, _, err := (&dns.Client{Net: network}).Exchange(new(dns.Msg).SetQuestion(name, kind), server)
	if err != nil {
		t.Fatalf("ask for %s: %v", name, err)
	}
	return m
}

func TestAnswers(t *testing.T) {
	upstream := serve(t, &zone{names: map[string][]string{"outside.example": {"192.0.2.1"}}})
	refusing := serve(t, &zone{})
	many := make([]string, 100)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{10, 1, 0, byte(i + 100)}).String()
	}
	z := &zone{
		names:    map[string][]string{"web": {"10.1.0.2"}, "six": {"fd00::6"}, "both": {"10.1.0.3", "fd00::7"}, "many": many},
		upstream: []netip.AddrPort{netip.MustParseAddrPort(refusing), netip.MustParseAddrPort(upstream)},
	}
	server := serve(t, z)
	tests := []struct {
		name  string
		kind  uint16
		rcode int
		want  string
		count int
	}{
		{name: "web.", kind: dns.TypeA, want: "10.1.0.2", count: 1},
		{name: "WeB.", kind: dns.TypeA, want: "10.1.0.2", count: 1},
		{name: "web.", kind: dns.TypeAAAA},
		{name: "web.", kind: dns.TypeMX},
		{name: "six.", kind: dns.TypeAAAA, want: "fd00::6", count: 1},
		{name: "six.", kind: dns.TypeA},
		{name: "both.", kind: dns.TypeA, want: "10.1.0.3", count: 1},
		{name: "2.0.1.10.in-addr.arpa.", kind: dns.TypePTR, want: "web.", count: 1},
		{name: "9.0.1.10.in-addr.arpa.", kind: dns.TypePTR, rcode: dns.RcodeNameError},
		{name: "6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.", kind: dns.TypePTR, want: "six.", count: 1},
		{name: "outside.example.", kind: dns.TypeA, want: "192.0.2.1", count: 1},
		{name: "nowhere.example.", kind: dns.TypeA, rcode: dns.RcodeRefused},
	}
	for _, tt := range tests {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(tt.name+dns.TypeToString[tt.kind]+"/"+network, func(t *testing.T) {
				m := ask(t, server, network, tt.name, tt.kind)
				if m.Rcode != tt.rcode || len(m.Answer) != tt.count {
					t.Fatalf("answer = %v", m)
				}
				if tt.count > 0 && value(m.Answer[0]) != tt.want {
					t.Errorf("answer = %v, want %s", m.Answer, tt.want)
				}
			})
		}
	}
	if m := ask(t, server, "udp", "many.", dns.TypeA); !m.Truncated || len(m.Answer) == 0 {
		t.Errorf("an answer too long for udp has %d records, truncated %v", len(m.Answer), m.Truncated)
	}
	if m := ask(t, server, "tcp", "many.", dns.TypeA); len(m.Answer) != len(many) {
		t.Errorf("by tcp %d of %d answers", len(m.Answer), len(many))
	}
}

func value(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		return rr.A.String()
	case *dns.AAAA:
		return rr.AAAA.String()
	case *dns.PTR:
		return rr.Ptr
	}
	return rr.String()
}

func TestRoundRobin(t *testing.T) {
	server := serve(t, &zone{names: map[string][]string{"web": {"10.1.0.2", "10.1.0.3", "10.1.0.4"}}})
	first := map[string]int{}
	for range 9 {
		first[value(ask(t, server, "udp", "web.", dns.TypeA).Answer[0])]++
	}
	if len(first) != 3 || first["10.1.0.2"] != 3 {
		t.Errorf("first answers = %v, want each replica three times", first)
	}
}

// TestDamaged sends what is no question; the server goes on.
func TestDamaged(t *testing.T) {
	server := serve(t, &zone{names: map[string][]string{"web": {"10.1.0.2"}}})
	c, err := net.Dial("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	two := new(dns.Msg).SetQuestion("web.", dns.TypeA)
	two.Question = append(two.Question, two.Question[0])
	packed, err := two.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{{}, {1}, make([]byte, 12), packed, make([]byte, 4000)} {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if m := ask(t, server, "udp", "web.", dns.TypeA); len(m.Answer) != 1 {
		t.Errorf("answer = %v", m)
	}
}

// TestForwardedAsItCame lets an upstream answer with a record that the server
// does not know, to a question with EDNS, after answers to other questions.
func TestForwardedAsItCame(t *testing.T) {
	upstream, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	go func() {
		buf := make([]byte, 4096)
		n, from, err := upstream.ReadFrom(buf)
		if err != nil {
			return
		}
		q := new(dns.Msg)
		if q.Unpack(buf[:n]) != nil {
			return
		}
		other := new(dns.Msg).SetQuestion("evil.example.", dns.TypeTXT)
		other.Id, other.Response = q.Id, true
		late := new(dns.Msg).SetReply(q)
		late.Id++
		right := new(dns.Msg).SetReply(q)
		right.Answer = []dns.RR{&dns.RFC3597{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: 65280, Class: dns.ClassINET}, Rdata: "abcd"}}
		right.SetEdns0(q.IsEdns0().UDPSize(), true)
		for _, m := range []*dns.Msg{other, late, right} {
			packed, err := m.Pack()
			if err != nil {
				return
			}
			_, _ = upstream.WriteTo(packed, from)
		}
	}()
	server := serve(t, &zone{upstream: []netip.AddrPort{netip.MustParseAddrPort(upstream.LocalAddr().String())}})
	q := new(dns.Msg).SetQuestion("odd.example.", 65280)
	q.SetEdns0(1232, true)
	m, _, err := new(dns.Client).Exchange(q, server)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) != 1 || m.Question[0].Name != "odd.example." || m.IsEdns0() == nil {
		t.Errorf("answer = %v", m)
	}
}

// TestCloseEndsForwarding closes a server whose upstream never answers.
func TestCloseEndsForwarding(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	up := netip.MustParseAddrPort(silent.LocalAddr().String())
	s := Serve(udp, tcp, &zone{upstream: []netip.AddrPort{up, up, up}}, nil)
	c, err := net.Dial("udp", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	packed, err := new(dns.Msg).SetQuestion("x.example.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(packed); err != nil {
		t.Fatal(err)
	}
	if _, _, err := silent.ReadFrom(make([]byte, 512)); err != nil { // it is being forwarded
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := s.udp.ReadFrom(make([]byte, 1)); err == nil {
		t.Error("the socket is still open")
	}
	_ = silent.SetReadDeadline(time.Unix(1, 0))
	if n, _, err := silent.ReadFrom(make([]byte, 512)); err == nil {
		t.Errorf("%d bytes were forwarded after Close", n)
	}
}

// TestConnection asks several questions on one connection.
func TestConnection(t *testing.T) {
	server := serve(t, &zone{names: map[string][]string{"web": {"10.1.0.2"}}})
	c, err := dns.Dial("tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		if err := c.WriteMsg(new(dns.Msg).SetQuestion("web.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
		if m, err := c.ReadMsg(); err != nil || len(m.Answer) != 1 {
			t.Fatalf("answer = %v, %v", m, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"web.", "2.0.1.10.in-addr.arpa."} {
		q := new(dns.Msg).SetQuestion(name, dns.TypePTR)
		q.SetEdns0(1232, false)
		packed, err := q.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		q, ok := parse(raw)
		if !ok {
			return
		}
		s := &Server{zone: &zone{names: map[string][]string{"web": {"10.1.0.2"}}}}
		answer := s.answer(q)
		if answer == nil {
			return
		}
		if m := new(dns.Msg); m.Unpack(answer) != nil || m.Id != q.header.ID || !m.Response {
			t.Errorf("answer to %x is %x", raw, answer)
		}
	})
}

func FuzzArpa(f *testing.F) {
	f.Add("2.0.1.10.in-addr.arpa")
	f.Add("6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa")
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToLower(s)
		a, ok := arpa(s)
		if !ok {
			return
		}
		back, err := dns.ReverseAddr(a.String())
		if err != nil || back != s+"." {
			t.Errorf("arpa(%q) = %s, whose name is %s", s, a, back)
		}
	})
}
