package names

import (
	"context"
	"time"

	"github.com/miekg/dns"
)

// How long one resolver, and all of them, may take.
const (
	oneTimeout = 2 * time.Second
	allTimeout = 8 * time.Second
)

// ask sends a question on to the upstream resolvers, one after the other.
func (s *Server) ask(q *dns.Msg, stream bool) *dns.Msg {
	upstream := s.zone.Upstream()
	if len(upstream) == 0 {
		return new(dns.Msg).SetRcode(q, dns.RcodeRefused)
	}
	select {
	case s.forward <- struct{}{}:
		defer func() { <-s.forward }()
	default:
		return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
	}
	ctx, cancel := context.WithTimeout(context.Background(), allTimeout)
	defer cancel()
	client := &dns.Client{Timeout: oneTimeout, UDPSize: dns.MaxMsgSize}
	if stream {
		client.Net = "tcp"
	}
	var worst *dns.Msg // an answer that another resolver may better
	for _, server := range upstream {
		m, _, err := client.ExchangeContext(ctx, q, server.String())
		switch {
		case err != nil || m == nil:
			continue
		case m.Rcode == dns.RcodeServerFailure || m.Rcode == dns.RcodeRefused:
			worst = m
			continue
		}
		return m
	}
	if worst != nil {
		return worst
	}
	return new(dns.Msg).SetRcode(q, dns.RcodeServerFailure)
}
