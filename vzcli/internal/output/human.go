package output

import (
	"strings"
	"time"

	"github.com/docker/go-units"
)

// Size is a number of bytes with four digits, in powers of 1000.
func Size(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// BinarySize is a number of bytes in powers of 1024.
func BinarySize(n uint64) string { return units.BytesSize(float64(n)) }

// Ago is how long before now t was, as "3 minutes ago".
func Ago(now, t time.Time) string {
	if t.IsZero() {
		return "N/A"
	}
	return Span(now.Sub(t)) + " ago"
}

// Span is a duration in words.
func Span(d time.Duration) string { return units.HumanDuration(max(0, d)) }

// ShortID is what people see of an id.
func ShortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}

// Ellipsis cuts s to n characters, the last of them an ellipsis.
func Ellipsis(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	return string(runes[:n-1]) + "…"
}

// Time is how docker prints a moment in full.
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 -0700 MST")
}
