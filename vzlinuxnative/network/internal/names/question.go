package names

import (
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// The sizes of UDP messages: what every client takes, and what we take.
const (
	minPacket = 512
	maxPacket = 4096
)

// A question is a message that asks.
type question struct {
	raw    []byte // as it came
	header dnsmessage.Header
	dnsmessage.Question
	one  bool // it has exactly one question
	size int  // of the longest answer by UDP
}

// parse reads a question. What is no message, or an answer, is not ok.
func parse(raw []byte) (*question, bool) {
	q := &question{raw: raw, size: minPacket}
	var p dnsmessage.Parser
	var err error
	if q.header, err = p.Start(raw); err != nil || q.header.Response {
		return nil, false
	}
	questions, err := p.AllQuestions()
	if err != nil {
		return nil, false
	}
	if q.one = len(questions) == 1; !q.one {
		return q, true
	}
	q.Question = questions[0]
	if p.SkipAllAnswers() != nil || p.SkipAllAuthorities() != nil {
		return nil, false
	}
	for {
		h, err := p.AdditionalHeader()
		if err != nil {
			return q, err == dnsmessage.ErrSectionDone
		}
		if h.Type == dnsmessage.TypeOPT {
			q.size = max(minPacket, int(h.Class)) // there the class is a size
		}
		if err := p.SkipAdditional(); err != nil {
			return nil, false
		}
	}
}

// name is what is asked for, in lower case without a dot at its end.
func (q *question) name() string {
	return strings.TrimSuffix(strings.ToLower(q.Name.String()), ".")
}

// reply makes an answer to q with the given resources of the zone, all of q's type.
func (q *question) reply(code dnsmessage.RCode, list []dnsmessage.ResourceBody) []byte {
	return q.replyFor(code, list, ttl)
}

// replyFor is reply with another time in seconds for which it is valid.
func (q *question) replyFor(code dnsmessage.RCode, list []dnsmessage.ResourceBody, ttl uint32) []byte {
	m := dnsmessage.Message{Header: dnsmessage.Header{
		ID: q.header.ID, Response: true, OpCode: q.header.OpCode, RCode: code,
		RecursionDesired: q.header.RecursionDesired, RecursionAvailable: true, CheckingDisabled: q.header.CheckingDisabled,
	}}
	if q.one {
		m.Questions = []dnsmessage.Question{q.Question}
	}
	for _, body := range list {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: ttl}, Body: body,
		})
	}
	packed, err := m.Pack()
	if err != nil { // a name that cannot be written
		m.Answers, m.RCode = nil, dnsmessage.RCodeServerFailure
		packed, _ = m.Pack()
	}
	return packed
}

// truncate shortens an answer to what the client takes, and says so in it.
func (q *question) truncate(answer []byte) []byte {
	if len(answer) <= q.size {
		return answer
	}
	var m dnsmessage.Message
	if err := m.Unpack(answer); err != nil {
		return q.reply(dnsmessage.RCodeServerFailure, nil)
	}
	m.Truncated = true
	m.Authorities, m.Additionals = nil, nil
	for {
		packed, err := m.Pack()
		if err != nil {
			return q.reply(dnsmessage.RCodeServerFailure, nil)
		}
		if len(packed) <= q.size || len(m.Answers) == 0 {
			return packed
		}
		// Names are compressed, so what is left over tells how many to drop.
		m.Answers = m.Answers[:len(m.Answers)*q.size/(len(packed)+1)]
	}
}
