package ocispec

import (
	"math"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var rlimitNumbers = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK,
	"msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE,
	"nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO,
	"rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// rlimits sets the resource limits. Without CAP_SYS_RESOURCE nobody may go
// above the hard limit of this process, so what is above is lowered to it.
func (b *builder) rlimits() error {
	for _, u := range b.cfg.Ulimits {
		number, ok := rlimitNumbers[u.Name]
		if !ok {
			return invalid("ulimit %q is unknown; known are %s", u.Name, knownRlimits())
		}
		if u.Soft < -1 || u.Hard < -1 {
			return invalid("ulimit %s: %d:%d is negative; -1 is unlimited", u.Name, u.Soft, u.Hard)
		}
		soft, hard := limitValue(u.Soft), limitValue(u.Hard)
		if soft > hard {
			return invalid("ulimit %s: the soft limit %d is above the hard limit %d", u.Name, u.Soft, u.Hard)
		}
		if !b.host.rules("CAP_SYS_RESOURCE") {
			most, err := b.host.hardLimit(number)
			if err != nil {
				return err
			}
			soft, hard = min(soft, most), min(hard, most)
		}
		b.spec.Process.Rlimits = append(b.spec.Process.Rlimits, specs.POSIXRlimit{
			Type: "RLIMIT_" + strings.ToUpper(u.Name), Soft: soft, Hard: hard,
		})
	}
	return nil
}

func limitValue(v int64) uint64 {
	if v == -1 {
		return math.MaxUint64
	}
	return uint64(v)
}

func knownRlimits() string {
	var names []string
	for n := range rlimitNumbers {
		names = append(names, n)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
