package console

import (
	"strings"

	"vz.internal/vzcli/internal/command"
)

// DefaultKeys detach from a container: ctrl-p, ctrl-q.
const DefaultKeys = "ctrl-p,ctrl-q"

var controls = map[string]byte{"@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31}

// ParseKeys reads a comma-separated sequence of characters and ctrl-X.
func ParseKeys(s string) ([]byte, error) {
	var keys []byte
	for _, key := range strings.Split(s, ",") {
		x, ctrl := strings.CutPrefix(key, "ctrl-")
		switch code, symbol := controls[x]; {
		case !ctrl && len(key) == 1:
			keys = append(keys, key[0])
		case ctrl && len(x) == 1 && x[0] >= 'a' && x[0] <= 'z':
			keys = append(keys, x[0]-'a'+1)
		case ctrl && symbol:
			keys = append(keys, code)
		default:
			return nil, command.Usagef("--detach-keys %s: %q is neither one character nor ctrl- with a letter or one of @[\\]^_", s, key)
		}
	}
	return keys, nil
}
