package devfile

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes returns the number; that of an empty Size is 0.
func (s Size) Bytes() (int64, error) {
	if s == "" {
		return 0, nil
	}
	digits, shift := string(s), 0
	lower := strings.ToLower(digits)
	for i, suffix := range []string{"k", "m", "g", "t"} {
		for _, end := range []string{suffix + "ib", suffix + "b", suffix} {
			if rest, ok := strings.CutSuffix(lower, end); ok && shift == 0 {
				digits, shift = rest, 10*(i+1)
			}
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n == 0 || n > math.MaxInt64>>shift {
		return 0, fmt.Errorf(`want a size such as "512m" or "4g", not %q`, string(s))
	}
	return int64(n << shift), nil
}

// NanoCPUs is CPUs in the unit of vzcontract.Resources.
func (r Resources) NanoCPUs() int64 { return int64(math.Round(r.CPUs * 1e9)) }
