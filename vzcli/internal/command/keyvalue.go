package command

import "strings"

// KeyValues reads KEY=VALUE words of a flag.
func KeyValues(flag string, words []string) (map[string]string, error) {
	var m map[string]string
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok || key == "" {
			return nil, Usagef("--%s %s: want KEY=VALUE", flag, w)
		}
		if m == nil {
			m = map[string]string{}
		}
		m[key] = value
	}
	return m, nil
}
