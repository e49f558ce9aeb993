package command

import "testing"

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                "plain",
		"two\r\nlines\n":       "two lines",
		"tab\tand ümlaut …":    "tab\\tand ümlaut …",
		"\x1b[31mred\x07":      `\x1b[31mred\a`,
		"rtl \u202e override":  `rtl \u202e override`,
		"c1 \u009b and \u2028": `c1 \u009b and \u2028`,
	} {
		if got := OneLine(in); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}
