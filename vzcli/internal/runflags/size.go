package runflags

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"vz.internal/vzcontract"
)

// size reads a number of bytes with a suffix of b, k, m, g, t or p.
func size(flag, s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := units.RAMInBytes(s)
	if err != nil || n < 0 {
		return 0, bad(flag, s, "want a size such as 512m or 2g")
	}
	return n, nil
}

// storageSize reads the only option that a root has: size=SIZE.
func storageSize(options []string) (n int64, err error) {
	for _, o := range options {
		value, ok := strings.CutPrefix(o, "size=")
		if !ok {
			return 0, refuse("storage-opt", o, "the root has no option but size=SIZE")
		}
		if n, err = size("storage-opt size", value); err != nil {
			return 0, err
		}
		if n < vzcontract.MinDisk {
			return 0, bad("storage-opt", o, "the least is 64m")
		}
	}
	return n, nil
}

// sizeOrUnlimited is size, or -1.
func sizeOrUnlimited(flag, s string) (int64, error) {
	if s == "-1" {
		return -1, nil
	}
	return size(flag, s)
}

// nanoCPUs reads a number of processors with at most nine digits after the point.
func nanoCPUs(flag, s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	if len(s) > 32 {
		return 0, bad(flag, s[:32]+"…", "want a number of processors such as 1.5")
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok || n.Sign() < 0 {
		return 0, bad(flag, s, "want a number of processors such as 1.5")
	}
	n.Mul(n, big.NewRat(1e9, 1))
	if !n.IsInt() || !n.Num().IsInt64() {
		return 0, bad(flag, s, "want at most nine digits after the point")
	}
	return n.Num().Int64(), nil
}

// Duration reads 300ms, 5s, 1m30s; a plain number is seconds. Empty is 0.
func Duration(flag, s string) (time.Duration, error) {
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	return duration(flag, s)
}

// Size reads a number of bytes with a suffix of b, k, m, g, t or p. Empty is 0.
func Size(flag, s string) (int64, error) { return size(flag, s) }

// duration reads 300ms, 5s, 1m30s.
func duration(flag, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, bad(flag, s, "want a duration such as 500ms, 30s or 1m")
	}
	if d < 0 || d > 0 && d < time.Millisecond {
		return 0, bad(flag, s, "want at least 1ms")
	}
	return d, nil
}
