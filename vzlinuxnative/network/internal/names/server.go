package names

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"
)

// A Zone is what a container may know. It is called from many goroutines.
type Zone interface {
	// Lookup returns the addresses of a name in lower case without a dot at
	// its end; known is false when no container has it.
	Lookup(name string) (addresses []netip.Addr, known bool)
	// Reverse returns the names of an address; mine is false when it is none
	// of the container's networks.
	Reverse(a netip.Addr) (names []string, mine bool)
	// Upstream lists the resolvers for all other questions; none refuses them.
	Upstream() []netip.AddrPort
}

const (
	ttl        = 10 // seconds; short, as containers come and go
	maxForward = 256
)

// A Server answers on sockets that are given to it.
type Server struct {
	zone    Zone
	servers []*dns.Server
	work    sync.WaitGroup
	turn    atomic.Uint32
	forward chan struct{} // holds a token for each forwarded question
}

// Serve answers questions from udp and tcp until Close, which closes them.
func Serve(udp net.PacketConn, tcp net.Listener, zone Zone) *Server {
	s := &Server{zone: zone, forward: make(chan struct{}, maxForward)}
	for _, d := range []*dns.Server{{PacketConn: udp, Handler: s}, {Listener: tcp, Handler: s}} {
		started := make(chan struct{})
		d.NotifyStartedFunc = func() { close(started) }
		s.servers = append(s.servers, d)
		failed := make(chan struct{})
		s.work.Go(func() {
			_ = d.ActivateAndServe() // returns when the socket is closed
			close(failed)
		})
		select {
		case <-started:
		case <-failed:
		}
	}
	return s
}

// Close ends the server.
func (s *Server) Close() error {
	var err error
	for _, d := range s.servers {
		err = errors.Join(err, d.Shutdown())
	}
	s.work.Wait()
	return err
}

// ServeDNS implements dns.Handler.
func (s *Server) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	answer := s.answer(q)
	if answer == nil {
		_, stream := w.RemoteAddr().(*net.TCPAddr)
		answer = s.ask(q, stream)
	}
	if _, stream := w.RemoteAddr().(*net.TCPAddr); !stream {
		size := dns.MinMsgSize
		if o := q.IsEdns0(); o != nil {
			size = max(size, int(o.UDPSize()))
		}
		answer.Truncate(size)
	}
	_ = w.WriteMsg(answer) // the client asks again
}

// answer answers what the zone knows; nil is for the upstream.
func (s *Server) answer(q *dns.Msg) *dns.Msg {
	if q.Opcode != dns.OpcodeQuery || len(q.Question) != 1 {
		return new(dns.Msg).SetRcode(q, dns.RcodeNotImplemented)
	}
	question := q.Question[0]
	name := strings.TrimSuffix(strings.ToLower(question.Name), ".")
	if question.Qclass != dns.ClassINET {
		return nil
	}
	if question.Qtype == dns.TypePTR {
		return s.reverse(q, name)
	}
	addresses, known := s.zone.Lookup(name)
	if !known {
		return nil
	}
	m := reply(q)
	header := dns.RR_Header{Name: question.Name, Rrtype: question.Qtype, Class: dns.ClassINET, Ttl: ttl}
	turn := int(s.turn.Add(1))
	for i := range addresses {
		a := addresses[(i+turn)%len(addresses)]
		switch {
		case question.Qtype == dns.TypeA && a.Is4():
			m.Answer = append(m.Answer, &dns.A{Hdr: header, A: a.AsSlice()})
		case question.Qtype == dns.TypeAAAA && a.Is6():
			m.Answer = append(m.Answer, &dns.AAAA{Hdr: header, AAAA: a.AsSlice()})
		}
	}
	return m
}

func (s *Server) reverse(q *dns.Msg, name string) *dns.Msg {
	a, ok := arpa(name)
	if !ok {
		return nil
	}
	names, mine := s.zone.Reverse(a)
	if !mine {
		return nil
	}
	m := reply(q)
	if len(names) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	for _, n := range names {
		m.Answer = append(m.Answer, &dns.PTR{
			Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: ttl}, Ptr: dns.Fqdn(n),
		})
	}
	return m
}

func reply(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	return m
}
