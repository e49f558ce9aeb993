package names

import (
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// answer answers what the zone knows; nil is for the upstream.
func (s *Server) answer(q *question) []byte {
	if q.header.OpCode != 0 || !q.one {
		return q.reply(dnsmessage.RCodeNotImplemented, nil)
	}
	if q.Class != dnsmessage.ClassINET {
		return nil
	}
	name := q.name()
	if q.Type == dnsmessage.TypePTR {
		return s.reverse(q, name)
	}
	addresses, known := s.zone.Lookup(name)
	if !known {
		return nil
	}
	turn := int(s.turn.Add(1) % uint32(max(1, len(addresses))))
	turned := slices.Concat(addresses[turn:], addresses[:turn])
	if s.guard != nil && s.guard.Allows(name) {
		return s.open(q, name, turned, ttl*time.Second, true)
	}
	return q.reply(dnsmessage.RCodeSuccess, bodies(q.Type, turned))
}

func (s *Server) reverse(q *question, name string) []byte {
	a, ok := arpa(name)
	if !ok {
		return nil
	}
	names, mine := s.zone.Reverse(a)
	if !mine {
		return nil
	}
	if len(names) == 0 {
		return q.reply(dnsmessage.RCodeNameError, nil)
	}
	var list []dnsmessage.ResourceBody
	for _, n := range names {
		if ptr, err := dnsmessage.NewName(n + "."); err == nil { // one that is too long has no place here
			list = append(list, &dnsmessage.PTRResource{PTR: ptr})
		}
	}
	return q.reply(dnsmessage.RCodeSuccess, list)
}
