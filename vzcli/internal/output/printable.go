package output

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable writes out what would make a terminal do something else than show
// it: an image or a container may choose names and commands to that end.
func Printable(s string) string {
	if strings.IndexFunc(s, acts) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if acts(r) || r == utf8.RuneError && n == 1 {
			quoted := strconv.QuoteToASCII(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

// acts reports whether r is a control character, or changes the direction or
// the place of what follows.
func acts(r rune) bool {
	return unicode.Is(unicode.C, r) && !unicode.Is(unicode.Co, r) || r == '\u2028' || r == '\u2029'
}
