package command

import (
	"strconv"
	"strings"
	"time"
)

var timeLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02Z07:00", "2006-01-02",
}

// ParseTime reads a time, seconds since 1970 or an age such as 10m; an empty
// value is the zero time.
func ParseTime(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && s != "0" { // a time, as with docker
		return now.Add(-d), nil
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	seconds, fraction, _ := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(seconds, 10, 64)
	var nano int64
	if err == nil && fraction != "" {
		nano, err = strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	}
	if err != nil {
		return time.Time{}, Usagef("--%s %s: want a time such as 2026-01-02T15:04:05Z, seconds since 1970 or an age such as 10m", flag, s)
	}
	return time.Unix(sec, nano), nil
}
