package sim

import (
	"errors"
	"fmt"
	"strings"
)

// A token is an operator or a word.
type token struct {
	op   string // empty for a word
	word word
	fd   int // of a redirection; -1 is the operator's default
}

// A word is a sequence of parts that are expanded and joined.
type word []part

type part struct {
	text   string
	kind   partKind
	quoted bool
}

type partKind int

const (
	literal    partKind = iota
	variable            // $text or ${text}
	command             // $(text)
	arithmetic          // $((text))
)

var errUnterminated = errors.New("unterminated quoted string")

var operators = []string{"&&", "||", ">>", ">&", "<&", ";", "&", "|", "<", ">", "(", ")", "\n"}

func lex(src string) ([]token, error) {
	var tokens []token
	for len(src) > 0 {
		switch {
		case src[0] == ' ' || src[0] == '\t':
			src = src[1:]
			continue
		case strings.HasPrefix(src, "\\\n"):
			src = src[2:]
			continue
		case src[0] == '#':
			if end := strings.IndexByte(src, '\n'); end >= 0 {
				src = src[end:]
			} else {
				src = ""
			}
			continue
		}
		if fd, op, rest, ok := lexOperator(src); ok {
			tokens = append(tokens, token{op: op, fd: fd})
			src = rest
			continue
		}
		w, rest, err := lexWord(src)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token{word: w, fd: -1})
		src = rest
	}
	return append(tokens, token{op: "\n", fd: -1}), nil
}

func lexOperator(src string) (fd int, op, rest string, ok bool) {
	fd = -1
	at := src
	if len(src) > 1 && src[0] >= '0' && src[0] <= '9' && (src[1] == '<' || src[1] == '>') {
		fd, at = int(src[0]-'0'), src[1:]
	}
	for _, op := range operators {
		if rest, ok := strings.CutPrefix(at, op); ok {
			return fd, op, rest, true
		}
	}
	return 0, "", src, false
}

func lexWord(src string) (w word, rest string, err error) {
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			w = append(w, part{text: text.String(), kind: literal})
			text.Reset()
		}
	}
	for len(src) > 0 && !strings.ContainsRune(" \t\n;&|<>()", rune(src[0])) {
		switch src[0] {
		case '\\':
			if len(src) == 1 {
				return nil, "", errUnterminated
			}
			flush()
			w = append(w, part{text: src[1:2], quoted: true})
			src = src[2:]
		case '\'':
			end := strings.IndexByte(src[1:], '\'')
			if end < 0 {
				return nil, "", errUnterminated
			}
			flush()
			w = append(w, part{text: src[1 : 1+end], quoted: true})
			src = src[end+2:]
		case '"':
			flush()
			var parts word
			if parts, src, err = lexDouble(src[1:]); err != nil {
				return nil, "", err
			}
			w = append(w, parts...)
		case '$':
			p, after, ok, err := lexDollar(src)
			if err != nil {
				return nil, "", err
			}
			if !ok {
				text.WriteByte('$')
				src = src[1:]
				continue
			}
			flush()
			w, src = append(w, p), after
		default:
			text.WriteByte(src[0])
			src = src[1:]
		}
	}
	flush()
	return w, src, nil
}

func lexDouble(src string) (parts word, rest string, err error) {
	parts = word{{quoted: true}} // "" is a word too
	var text strings.Builder
	flush := func() {
		parts = append(parts, part{text: text.String(), quoted: true})
		text.Reset()
	}
	for len(src) > 0 {
		switch {
		case src[0] == '"':
			flush()
			return parts, src[1:], nil
		case src[0] == '\\' && len(src) > 1 && strings.ContainsRune("$\"\\`", rune(src[1])):
			text.WriteByte(src[1])
			src = src[2:]
		case src[0] == '$':
			p, after, ok, err := lexDollar(src)
			if err != nil {
				return nil, "", err
			}
			if !ok {
				text.WriteByte('$')
				src = src[1:]
				continue
			}
			flush()
			p.quoted = true
			parts, src = append(parts, p), after
		default:
			text.WriteByte(src[0])
			src = src[1:]
		}
	}
	return nil, "", errUnterminated
}

func lexDollar(src string) (p part, rest string, ok bool, err error) {
	switch {
	case strings.HasPrefix(src, "$(("):
		end := strings.Index(src, "))")
		if end < 0 {
			return p, "", false, errUnterminated
		}
		return part{text: src[3:end], kind: arithmetic}, src[end+2:], true, nil
	case strings.HasPrefix(src, "$("):
		depth := 0
		for i := 1; i < len(src); i++ {
			switch src[i] {
			case '(':
				depth++
			case ')':
				if depth--; depth == 0 {
					return part{text: src[2:i], kind: command}, src[i+1:], true, nil
				}
			}
		}
		return p, "", false, errUnterminated
	case strings.HasPrefix(src, "${"):
		end := strings.IndexByte(src, '}')
		if end < 0 {
			return p, "", false, errUnterminated
		}
		return part{text: src[2:end], kind: variable}, src[end+1:], true, nil
	}
	n := nameLen(src[1:])
	if n == 0 && len(src) > 1 && strings.ContainsRune("?$!#@*0123456789", rune(src[1])) {
		n = 1
	}
	return part{text: src[1 : 1+n], kind: variable}, src[1+n:], n > 0, nil
}

// nameLen is the length of the variable name that s starts with.
func nameLen(s string) int {
	for i, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(s)
}

func syntaxError(near string) error {
	return fmt.Errorf("syntax error near %q (the fake backend's shell knows a part of sh)", near)
}
