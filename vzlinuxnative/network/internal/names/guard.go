package names

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A Guard limits which names are asked for, and learns what a container is told. It
// is called from many goroutines.
type Guard interface {
	// Allows tells whether a name, in the form of Zone.Lookup, may be asked for.
	Allows(name string) bool
	// Open lets the container reach addresses of an allowed name for ttl or longer,
	// and returns those that the container may know. own tells that the zone has
	// them. On an error the container is told nothing.
	Open(name string, addresses []netip.Addr, ttl time.Duration, own bool) ([]netip.Addr, error)
}

const (
	maxTTL     = time.Hour // of a guarded answer
	maxAliases = 16        // of CNAME after CNAME
	perSecond  = 50        // guarded questions that are sent on
	burst      = 200
)

// A bucket bounds how often something happens.
type bucket struct {
	mu   sync.Mutex
	left float64   // guarded by mu
	last time.Time // guarded by mu
}

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last.IsZero() {
		b.left = burst
	} else {
		b.left = min(burst, b.left+now.Sub(b.last).Seconds()*perSecond)
	}
	b.last = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// askGuarded sends a question on if it is for an address of an allowed name. What is
// sent, and the answer to the container, are made anew: of the question only name and
// type get out, and of the answer only what the guard has seen gets in.
func (s *Server) askGuarded(ctx context.Context, q *question, network string) []byte {
	name := q.name()
	switch {
	case q.Class != dnsmessage.ClassINET || !s.guard.Allows(name):
		return q.reply(dnsmessage.RCodeNameError, nil) // not "refused", at which some resolvers wait for another server
	case q.Type != dnsmessage.TypeA && q.Type != dnsmessage.TypeAAAA:
		return q.reply(dnsmessage.RCodeSuccess, nil)
	case !s.asked.take(time.Now()):
		return q.reply(dnsmessage.RCodeServerFailure, nil)
	}
	out, err := q.anew()
	if err != nil {
		return q.reply(dnsmessage.RCodeFormatError, nil)
	}
	raw := s.send(ctx, out, network)
	if network == "udp" && raw[2]&0x02 != 0 { // truncated
		raw = s.send(ctx, out, "tcp")
	}
	code, addresses, ttl := out.addresses(raw)
	if code != dnsmessage.RCodeSuccess || len(addresses) == 0 {
		return q.reply(code, nil)
	}
	return s.open(q, name, addresses, ttl, false)
}

// open answers with the addresses that the guard lets the container know.
func (s *Server) open(q *question, name string, addresses []netip.Addr, ttl time.Duration, own bool) []byte {
	known, err := s.guard.Open(name, addresses, ttl, own)
	if err != nil {
		return q.reply(dnsmessage.RCodeServerFailure, nil)
	}
	return q.replyFor(dnsmessage.RCodeSuccess, bodies(q.Type, known), uint32(ttl.Seconds()))
}

// anew makes the same question with nothing else in it, and an id that the container
// does not know: else it could help others to guess the answer.
func (q *question) anew() (*question, error) {
	name, err := dnsmessage.NewName(q.name() + ".")
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: uint16(rand.Uint32()), RecursionDesired: true}, // of a generator that cannot be predicted
		Questions: []dnsmessage.Question{{Name: name, Type: q.Type, Class: q.Class}},
	}
	raw, err := m.Pack()
	if err != nil {
		return nil, err
	}
	out, _ := parse(raw)
	return out, nil
}

// addresses reads an answer to q: the addresses of the name, or of what it is an alias
// of, and how long all of that is valid.
func (q *question) addresses(raw []byte) (dnsmessage.RCode, []netip.Addr, time.Duration) {
	var m dnsmessage.Message
	if err := m.Unpack(raw); err != nil {
		return dnsmessage.RCodeServerFailure, nil, 0
	}
	if m.RCode != dnsmessage.RCodeSuccess {
		return m.RCode, nil, 0
	}
	name, ttl := q.name(), uint32(maxTTL.Seconds())
	canonical := func(n dnsmessage.Name) string { return strings.TrimSuffix(strings.ToLower(n.String()), ".") }
	for range maxAliases {
		var all []netip.Addr
		next, valid := "", ttl
		for _, r := range m.Answers {
			if canonical(r.Header.Name) != name || r.Header.Class != dnsmessage.ClassINET {
				continue
			}
			switch body := r.Body.(type) {
			case *dnsmessage.AResource:
				if q.Type == dnsmessage.TypeA {
					all, valid = append(all, netip.AddrFrom4(body.A)), min(valid, r.Header.TTL)
				}
			case *dnsmessage.AAAAResource:
				if q.Type == dnsmessage.TypeAAAA {
					all, valid = append(all, netip.AddrFrom16(body.AAAA)), min(valid, r.Header.TTL)
				}
			case *dnsmessage.CNAMEResource:
				next, ttl = canonical(body.CNAME), min(ttl, r.Header.TTL)
			}
		}
		if len(all) > 0 || next == "" {
			return dnsmessage.RCodeSuccess, all, time.Duration(valid) * time.Second
		}
		name = next
	}
	return dnsmessage.RCodeServerFailure, nil, 0
}

// bodies makes resources of the addresses that have the type asked for.
func bodies(t dnsmessage.Type, addresses []netip.Addr) []dnsmessage.ResourceBody {
	var list []dnsmessage.ResourceBody
	for _, a := range addresses {
		switch {
		case t == dnsmessage.TypeA && a.Is4():
			list = append(list, &dnsmessage.AResource{A: a.As4()})
		case t == dnsmessage.TypeAAAA && a.Is6():
			list = append(list, &dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	return list
}
