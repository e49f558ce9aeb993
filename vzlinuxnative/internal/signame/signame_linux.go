// Package signame reads the names that people give to signals.
package signame

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// The real-time signals as the C library numbers them.
const (
	rtMin = 34
	rtMax = 64
)

// Parse returns the signal of "TERM", "SIGTERM", "15" or "SIGRTMIN+3".
// Anything else is vzcontract.ErrValidation.
func Parse(name string) (unix.Signal, error) {
	if n, err := strconv.ParseUint(name, 10, 8); err == nil && n >= 1 && n <= rtMax {
		return unix.Signal(n), nil
	}
	upper := strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if sig := unix.SignalNum("SIG" + upper); sig != 0 {
		return sig, nil
	}
	if n, ok := realTime(upper); ok {
		return unix.Signal(n), nil
	}
	return 0, vzcontract.Errorf(vzcontract.ErrValidation, "unknown signal %q", name)
}

func realTime(name string) (int, bool) {
	base, sign := rtMin, 1
	rest, ok := strings.CutPrefix(name, "RTMIN")
	if !ok {
		if rest, ok = strings.CutPrefix(name, "RTMAX"); !ok {
			return 0, false
		}
		base, sign = rtMax, -1
	}
	if rest == "" {
		return base, true
	}
	if (sign > 0) != (rest[0] == '+') || (sign < 0) != (rest[0] == '-') {
		return 0, false
	}
	n, err := strconv.ParseUint(rest[1:], 10, 8)
	sum := base + sign*int(n)
	return sum, err == nil && sum >= rtMin && sum <= rtMax
}
