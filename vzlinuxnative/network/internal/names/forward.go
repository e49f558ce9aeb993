package names

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// How long one resolver, and all of them, may take.
const (
	oneTimeout = 2 * time.Second
	allTimeout = 8 * time.Second
)

// ask answers what the zone does not know.
func (s *Server) ask(ctx context.Context, q *question, network string) []byte {
	if s.guard != nil {
		return s.askGuarded(ctx, q, network)
	}
	return s.send(ctx, q, network)
}

// send sends a question on to the upstream resolvers, one after the other.
func (s *Server) send(ctx context.Context, q *question, network string) []byte {
	upstream := s.zone.Upstream()
	if len(upstream) == 0 {
		return q.reply(dnsmessage.RCodeRefused, nil)
	}
	select {
	case s.forward <- struct{}{}:
		defer func() { <-s.forward }()
	default:
		return q.reply(dnsmessage.RCodeServerFailure, nil)
	}
	ctx, cancel := context.WithTimeout(ctx, allTimeout)
	defer cancel()
	var worst []byte // an answer that another resolver may better
	for _, server := range upstream {
		answer, err := exchange(ctx, q, network, server.String())
		if err != nil {
			continue
		}
		switch code := dnsmessage.RCode(answer[3] & 0xf); code {
		case dnsmessage.RCodeServerFailure, dnsmessage.RCodeRefused:
			worst = answer
			continue
		}
		return answer
	}
	if worst != nil {
		return worst
	}
	return q.reply(dnsmessage.RCodeServerFailure, nil)
}

// exchange asks one resolver. Its answer is returned as it came: it may hold
// what we do not know of.
func exchange(ctx context.Context, q *question, network, server string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, oneTimeout)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, network, server)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	if network == "tcp" {
		if err := writeStream(c, q.raw); err != nil {
			return nil, err
		}
		answer, err := readStream(c)
		if err == nil && !answers(answer, q) {
			err = errors.New("the answer is to another question")
		}
		return answer, err
	}
	if _, err := c.Write(q.raw); err != nil {
		return nil, err
	}
	buf := make([]byte, maxMessage)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return nil, err
		}
		if answers(buf[:n], q) { // else somebody guesses, or it is late
			return buf[:n], nil
		}
	}
}

// answers reports that a message is an answer to q.
func answers(raw []byte, q *question) bool {
	if len(raw) < 12 || binary.BigEndian.Uint16(raw) != q.header.ID {
		return false
	}
	var p dnsmessage.Parser
	h, err := p.Start(raw)
	if err != nil || !h.Response {
		return false
	}
	asked, err := p.AllQuestions()
	switch {
	case err != nil:
		return false
	case len(asked) == 0: // some errors have none
		return h.RCode != dnsmessage.RCodeSuccess
	}
	return len(asked) == 1 && asked[0].Type == q.Type && asked[0].Class == q.Class && sameName(asked[0].Name, q.Name)
}

func sameName(a, b dnsmessage.Name) bool {
	return (&question{Question: dnsmessage.Question{Name: a}}).name() == (&question{Question: dnsmessage.Question{Name: b}}).name()
}
