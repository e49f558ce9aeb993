package document

import (
	"fmt"
	"regexp"
	"strings"
)

// varying are what differs from one run to the next.
var varying = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "<id>"},
	{regexp.MustCompile(`\b[0-9a-f]{12}\b`), "<id>"},
	{regexp.MustCompile(`(Less than a second|About a minute|\d+ (seconds?|minutes?|hours?))( ago)?`), "<time>"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)`), "<time>"},
	{regexp.MustCompile(`\b(127\.0\.0\.1|0\.0\.0\.0|\[::\]|\[::1\]):[3-6]\d{4}\b`), "$1:<port>"},
	{regexp.MustCompile(`"tookMs":[0-9.]+`), `"tookMs":<ms>`},
	{regexp.MustCompile(`^ *\d+ `), "<n> "},
	{regexp.MustCompile(`\b\d+(\.\d+)?(kB|MB|GB)\b`), "<size>"},
	{regexp.MustCompile(`[ \t]+`), " "},
}

func plain(line string) string {
	for _, v := range varying {
		line = v.pattern.ReplaceAllString(line, v.by)
	}
	return strings.TrimSpace(line)
}

// Compare returns an error that shows where got is not what the page says; ids,
// times, durations in JSON, sizes, chosen ports, numbers of processes and the width of
// columns may differ.
func Compare(want []string, got string) error {
	lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
	if got == "" {
		lines = nil
	}
	if !match(want, lines) {
		return fmt.Errorf("the page says\n%s\nand the command printed\n%s", strings.Join(want, "\n"), got)
	}
	return nil
}

func match(want, got []string) bool {
	switch {
	case len(want) == 0:
		return len(got) == 0
	case want[0] == "...":
		for skip := range len(got) + 1 {
			if match(want[1:], got[skip:]) {
				return true
			}
		}
		return false
	case len(got) == 0:
		return false
	}
	return plain(want[0]) == plain(got[0]) && match(want[1:], got[1:])
}
