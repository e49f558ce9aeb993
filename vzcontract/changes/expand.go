package changes

import "strings"

// words splits at blanks outside of quotes, takes the quotes away and puts values
// of env for $NAME, ${NAME}, ${NAME:-otherwise} and ${NAME:+instead}. A value is
// not split.
func words(s string, env []string) ([]string, string) {
	r := reader{rest: s, env: env}
	var all []string
	for {
		r.rest = strings.TrimLeft(r.rest, " \t")
		if r.rest == "" || r.reason != "" {
			return all, r.reason
		}
		all = append(all, r.until(" \t"))
	}
}

// expand is words for a text that is not split.
func expand(s string, env []string) (string, string) {
	r := reader{rest: s, env: env}
	return r.until(""), r.reason
}

// A reader has the text that is left, and why it cannot be read.
type reader struct {
	rest   string
	env    []string
	reason string
}

func (r *reader) fail(reason string) {
	if r.reason == "" {
		r.reason = reason
	}
	r.rest = ""
}

// until reads to the end, or to one of the characters outside of quotes, which
// stays.
func (r *reader) until(stops string) string {
	var b strings.Builder
	for r.rest != "" && !strings.Contains(stops, r.rest[:1]) {
		c := r.rest[0]
		switch c {
		case '\'':
			text, rest, closed := strings.Cut(r.rest[1:], "'")
			if !closed {
				r.fail("a quote is not closed")
			} else {
				b.WriteString(text)
				r.rest = rest
			}
		case '"':
			r.rest = r.rest[1:]
			r.quoted(&b)
		case '\\':
			if len(r.rest) == 1 {
				r.fail("a quote is not closed")
			} else {
				b.WriteByte(r.rest[1])
				r.rest = r.rest[2:]
			}
		case '$':
			b.WriteString(r.value())
		default:
			b.WriteByte(c)
			r.rest = r.rest[1:]
		}
	}
	return b.String()
}

// quoted reads what double quotes hold, and the second of them.
func (r *reader) quoted(b *strings.Builder) {
	for r.rest != "" {
		c := r.rest[0]
		switch {
		case c == '"':
			r.rest = r.rest[1:]
			return
		case c == '$':
			b.WriteString(r.value())
		case c == '\\' && len(r.rest) > 1 && strings.Contains(`"\$`, r.rest[1:2]):
			b.WriteByte(r.rest[1])
			r.rest = r.rest[2:]
		default:
			b.WriteByte(c)
			r.rest = r.rest[1:]
		}
	}
	r.fail("a quote is not closed")
}

// value reads what begins with a dollar sign.
func (r *reader) value() string {
	r.rest = r.rest[1:]
	inner, braced := strings.CutPrefix(r.rest, "{")
	if !braced {
		n := nameLength(r.rest)
		if n == 0 {
			return "$"
		}
		name := r.rest[:n]
		r.rest = r.rest[n:]
		value, _ := lookup(r.env, name)
		return value
	}
	n := nameLength(inner)
	name, rest := inner[:n], inner[n:]
	value, set := lookup(r.env, name)
	if rest, ok := strings.CutPrefix(rest, "}"); ok && n > 0 {
		r.rest = rest
		return value
	}
	rest, colon := strings.CutPrefix(rest, ":")
	if n == 0 || rest == "" || !strings.Contains("-+", rest[:1]) {
		r.fail("${" + inner + ": want ${NAME}, ${NAME:-otherwise} or ${NAME:+instead}")
		return ""
	}
	r.rest = rest[1:]
	other := r.until("}")
	if r.rest == "" {
		r.fail("${" + name + ": the } is missing")
		return ""
	}
	r.rest = r.rest[1:]
	has := set && (!colon || value != "")
	switch {
	case rest[0] == '-' && has:
		return value
	case rest[0] == '-' || has:
		return other
	}
	return ""
}

// nameLength is that of the name of a variable at the start of s; signs that a
// shell would have a value for are names too, of variables that are not set.
func nameLength(s string) int {
	n := 0
	for n < len(s) && (s[n] == '_' || 'a' <= s[n] && s[n] <= 'z' || 'A' <= s[n] && s[n] <= 'Z' || n > 0 && '0' <= s[n] && s[n] <= '9') {
		n++
	}
	if n == 0 && s != "" && strings.Contains("0123456789@*#?-$!", s[:1]) {
		return 1
	}
	return n
}

func lookup(env []string, name string) (value string, set bool) {
	for _, e := range env {
		if key, v, ok := strings.Cut(e, "="); ok && key == name {
			value, set = v, true
		}
	}
	return value, set
}
