//go:build linux

package logfile

import (
	"encoding/base64"
	"time"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain tells which bytes stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendEntry appends the line of the file for one entry.
func appendEntry(dst []byte, stream string, text []byte, stamp []byte) []byte {
	dst = append(dst, `{"log":"`...)
	dst, exact := appendString(dst, text)
	dst = append(dst, `","stream":"`...)
	dst = append(dst, stream...)
	dst = append(dst, `","time":"`...)
	dst = append(dst, stamp...)
	if !exact {
		dst = append(dst, `","raw":"`...)
		dst = base64.StdEncoding.AppendEncode(dst, text)
	}
	return append(dst, '"', '}', '\n')
}

// appendString appends text as the inside of a JSON string and reports
// whether it says it all.
func appendString(dst, text []byte) (_ []byte, exact bool) {
	exact = true
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if plain[c] {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRune(text[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, text[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			if c >= utf8.RuneSelf {
				dst, exact = append(dst, `\ufffd`...), false
			} else {
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		i += size
		start = i
	}
	return append(dst, text[start:]...), exact
}

// A clock writes times; most of the text is that of the second before.
type clock struct {
	second int64
	text   [30]byte // "2006-01-02T15:04:05.000000000Z"
}

func (c *clock) format(now time.Time) []byte {
	if s := now.Unix(); s != c.second || c.text[0] == 0 {
		c.second = s
		now.UTC().AppendFormat(c.text[:0], "2006-01-02T15:04:05.000000000Z")
		return c.text[:]
	}
	n := now.Nanosecond()
	for i := 28; i > 19; i-- {
		c.text[i] = byte('0' + n%10)
		n /= 10
	}
	return c.text[:]
}
