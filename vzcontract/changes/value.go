package changes

import (
	"encoding/json"
	"strings"
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
func command(c *application, s string) (argv []string, reason string) {
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
func pairs(s string, env []string) (list []pair, reason string) {
	first, rest, more := strings.Cut(s, " ")
	if !strings.Contains(first, "=") {
		if !more {
			return nil, "must have the form name=value"
		}
		value, reason := expand(strings.TrimSpace(rest), env)
		return []pair{{first, value}}, reason
	}
	all, reason := words(s, env)
	if reason != "" {
		return nil, reason
	}
	for _, w := range all {
		key, value, found := strings.Cut(w, "=")
		if !found || key == "" {
			return nil, "must have the form name=value"
		}
		list = append(list, pair{key, value})
	}
	return list, ""
}
