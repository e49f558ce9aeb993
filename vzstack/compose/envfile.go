package compose

import (
	"bufio"
	"io"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
)

func init() { dotenv.RegisterFormat("raw", rawEnvironment) }

// rawEnvironment reads an env_file with format: raw: NAME=value lines whose
// values are taken as they are, quotes and dollar signs included.
func rawEnvironment(r io.Reader, _ string, vars map[string]string, lookup func(string) (string, bool)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			if value, ok = lookup(name); !ok {
				continue
			}
		}
		vars[name] = value
	}
	return lines.Err()
}
