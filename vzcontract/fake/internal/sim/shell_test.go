package sim

import (
	"testing"
	"time"
)

// FuzzParse gives the shell any text; it may refuse it, nothing else.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"echo a; (b && c) | d > e 2>&1 &", "while x; do y; done", "if a; then b; elif c; then d; else e; fi",
		`"$a${b:-c}$(d "e")$((1+2))" 'f' \g`, "for i in 1 2; do :; done < f", "{ a; }", "$(", `"`, "$((", "${", "&&", "if", ")", "a &; b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l, err := parse(text)
		if err != nil && l != nil {
			t.Errorf("parse(%q) = %v with the error %v", text, l, err)
		}
	})
}

func TestSleepTime(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want time.Duration
		bad  bool
	}{
		{args: []string{"sleep", "1"}, want: time.Second},
		{args: []string{"sleep", "0.5"}, want: 500 * time.Millisecond},
		{args: []string{"sleep", "1m", "2s"}, want: 62 * time.Second},
		{args: []string{"sleep", "2d"}, want: 48 * time.Hour},
		{args: []string{"sleep"}, bad: true},
		{args: []string{"sleep", "soon"}, bad: true},
		{args: []string{"sleep", "-1"}, bad: true},
	} {
		if got, err := SleepTime(tt.args); got != tt.want || (err != nil) != tt.bad {
			t.Errorf("SleepTime(%q) = %v, %v, want %v", tt.args, got, err, tt.want)
		}
	}
}

func TestSignalNumber(t *testing.T) {
	for name, want := range map[string]int{"TERM": 15, "SIGTERM": 15, "sigkill": 9, "15": 15, "EXIT": 0} {
		if got, ok := SignalNumber(name); !ok || got != want {
			t.Errorf("SignalNumber(%q) = %d, %v, want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "NOPE", "-1", "65"} {
		if got, ok := SignalNumber(name); ok {
			t.Errorf("SignalNumber(%q) = %d", name, got)
		}
	}
}
