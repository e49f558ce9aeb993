package output

import "testing"

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                     "",
		"plain /usr/bin/ls -l": "plain /usr/bin/ls -l",
		"größe 文字 é":           "größe 文字 é",
		`back\slash "quoted"`:  `back\slash "quoted"`,
		"\x1b[31mred\x1b[0m":   `\x1b[31mred\x1b[0m`,
		"bell\a tab\t":         `bell\a tab\t`,
		"two\nlines\r":         `two\nlines\r`,
		"c1 \u009b":            `c1 \u009b`,
		"bidi \u202etxt":       `bidi \u202etxt`,
		"bad \xff utf-8":       `bad \xff utf-8`,
		"del \x7f":             `del \x7f`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}
