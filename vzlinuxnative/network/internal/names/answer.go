package names

import (
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
	var list []dnsmessage.ResourceBody
	turn := int(s.turn.Add(1))
	for i := range addresses {
		a := addresses[(i+turn)%len(addresses)]
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			list = append(list, &dnsmessage.AResource{A: a.As4()})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			list = append(list, &dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	return q.reply(dnsmessage.RCodeSuccess, list)
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
