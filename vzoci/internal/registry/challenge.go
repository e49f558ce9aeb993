package registry

import "strings"

// A challenge is one demand of a WWW-Authenticate header.
type challenge struct {
	scheme string // lower case: "bearer", "basic"
	params map[string]string
}

// parseChallenges reads all challenges of the header's values. What does not
// parse ends its value; nothing here is trusted.
func parseChallenges(values []string) []challenge {
	var list []challenge
	for _, v := range values {
		p := &challengeParser{rest: v}
		for len(list) < 16 {
			c, ok := p.challenge()
			if !ok {
				break
			}
			list = append(list, c)
		}
	}
	return list
}

type challengeParser struct{ rest string }

func (p *challengeParser) challenge() (challenge, bool) {
	p.skip(" \t,")
	scheme := p.token()
	if scheme == "" {
		return challenge{}, false
	}
	c := challenge{scheme: strings.ToLower(scheme), params: map[string]string{}}
	for {
		before := p.rest
		p.skip(" \t,")
		name := p.token()
		p.skip(" \t")
		if name == "" || !strings.HasPrefix(p.rest, "=") {
			p.rest = before // the next scheme, or the end
			return c, true
		}
		p.rest = p.rest[1:]
		p.skip(" \t")
		c.params[strings.ToLower(name)] = p.value()
	}
}

func (p *challengeParser) value() string {
	if !strings.HasPrefix(p.rest, `"`) {
		return p.token()
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			p.rest = p.rest[i+1:]
			return b.String()
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	p.rest = "" // no closing quote
	return b.String()
}

func (p *challengeParser) token() string {
	end := strings.IndexAny(p.rest, " \t,=\"")
	if end < 0 {
		end = len(p.rest)
	}
	t := p.rest[:end]
	p.rest = p.rest[end:]
	return t
}

func (p *challengeParser) skip(set string) { p.rest = strings.TrimLeft(p.rest, set) }
