package changes

import (
	"encoding/json"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// array reads the JSON form of a list.
func array(s string) (list []string, isJSON bool, reason string) {
	if !strings.HasPrefix(s, "[") {
		return nil, false, ""
	}
	if json.Unmarshal([]byte(s), &list) != nil {
		return nil, true, `not a list of strings in double quotes, as in ["sh", "-c"]`
	}
	return list, true, ""
}

// command reads the exec form, or wraps the shell form.
func command(c *v1.Config, s string) (argv []string, reason string) {
	list, isJSON, reason := array(s)
	if isJSON || reason != "" {
		return list, reason
	}
	shell := c.Shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	return append(append([]string{}, shell...), s), ""
}

type pair struct{ key, value string }

// pairs reads key=value, several of them, values quoted or not; or one "key
// value".
func pairs(s string) (list []pair, reason string) {
	words, reason := split(s)
	if reason != "" {
		return nil, reason
	}
	if len(words) > 0 && !strings.Contains(words[0], "=") {
		key, value, found := strings.Cut(s, " ")
		if !found {
			return nil, "must have the form name=value"
		}
		return []pair{{key, strings.TrimSpace(value)}}, ""
	}
	for _, w := range words {
		key, value, found := strings.Cut(w, "=")
		if !found || key == "" {
			return nil, "must have the form name=value"
		}
		list = append(list, pair{key, value})
	}
	return list, ""
}

// split splits at blanks outside quotes and takes the quotes away.
func split(s string) (words []string, reason string) {
	var word strings.Builder
	var quote rune
	in, escaped := false, false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			in, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			in, quote = true, r
		case quote == 0 && (r == ' ' || r == '\t'):
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		default:
			in = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, "a quote is not closed"
	}
	if in {
		words = append(words, word.String())
	}
	return words, ""
}
