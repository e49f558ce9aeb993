package runflags

import (
	"slices"
	"strconv"
	"strings"

	"vz.internal/vzcontract"
)

var ulimitNames = []string{
	"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
	"rttime", "sigpending", "stack",
}

// ParseUlimit reads NAME=SOFT[:HARD]; -1 and unlimited mean no limit.
func ParseUlimit(flag, s string) (vzcontract.Ulimit, error) {
	u := vzcontract.Ulimit{}
	name, limits, ok := strings.Cut(s, "=")
	if !ok {
		return u, bad(flag, s, "want NAME=SOFT[:HARD]")
	}
	if !slices.Contains(ulimitNames, name) {
		return u, bad(flag, s, "unknown limit %q; known are %s", name, strings.Join(ulimitNames, ", "))
	}
	u.Name = name
	soft, hard, both := strings.Cut(limits, ":")
	var err error
	if u.Soft, err = limit(soft); err != nil {
		return u, bad(flag, s, "want a number or -1, not %q", soft)
	}
	if u.Hard = u.Soft; both {
		if u.Hard, err = limit(hard); err != nil {
			return u, bad(flag, s, "want a number or -1, not %q", hard)
		}
	}
	if u.Hard != -1 && (u.Soft > u.Hard || u.Soft == -1) {
		return u, bad(flag, s, "the soft limit is above the hard limit")
	}
	return u, nil
}

func limit(s string) (int64, error) {
	if s == "unlimited" {
		return -1, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && n < -1 {
		err = strconv.ErrRange
	}
	return n, err
}
