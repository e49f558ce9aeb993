//go:build linux

package logfile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"vz.internal/vzcontract"
)

// A decoder reads entries. What it returns is valid until its next call.
type decoder struct {
	text   []byte
	raw    []byte
	prefix [20]byte // "2006-01-02T15:04:05." and
	second int64    // the time it stands for
}

// decode reads a line of the file, as this package writes it or any other way.
func (d *decoder) decode(line []byte) (vzcontract.LogEntry, error) {
	if e, ok := d.own(line); ok {
		return e, nil
	}
	var entry struct {
		Log    *string   `json:"log"`
		Stream string    `json:"stream"`
		Time   time.Time `json:"time"`
		Raw    []byte    `json:"raw"`
	}
	if err := json.Unmarshal(line, &entry); err != nil || entry.Log == nil {
		return vzcontract.LogEntry{}, errForeign
	}
	e := vzcontract.LogEntry{Time: entry.Time, Stream: entry.Stream, Line: []byte(*entry.Log)}
	if len(entry.Raw) > 0 {
		e.Line = entry.Raw
	}
	return e, nil
}

// own reads a line as appendEntry writes it.
func (d *decoder) own(line []byte) (e vzcontract.LogEntry, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"log":"`))
	if !ok {
		return e, false
	}
	if rest, ok = d.unquote(rest); !ok {
		return e, false
	}
	e.Line = d.text
	for _, s := range []string{"stdout", "stderr"} {
		if after, ok := bytes.CutPrefix(rest, []byte(`,"stream":"`+s+`","time":"`)); ok {
			e.Stream, rest = s, after
			break
		}
	}
	if e.Stream == "" || len(rest) < 33 {
		return e, false
	}
	if e.Time, ok = d.time(rest[:30]); !ok {
		return e, false
	}
	rest = rest[30:]
	if string(rest) == "\"}\n" {
		return e, true
	}
	encoded, ok := bytes.CutPrefix(rest, []byte(`","raw":"`))
	if !ok {
		return e, false
	}
	if encoded, ok = bytes.CutSuffix(encoded, []byte("\"}\n")); !ok {
		return e, false
	}
	var err error
	d.raw, err = base64.StdEncoding.AppendDecode(d.raw[:0], encoded)
	e.Line = d.raw
	return e, err == nil
}

// unquote reads the rest of a string into text and returns what follows it.
func (d *decoder) unquote(in []byte) (rest []byte, ok bool) {
	d.text = d.text[:0]
	for {
		i := bytes.IndexAny(in, `"\`)
		if i < 0 || i+1 >= len(in) {
			return nil, false
		}
		d.text = append(d.text, in[:i]...)
		if in[i] == '"' {
			return in[i+1:], true
		}
		c := in[i+1]
		in = in[i+2:]
		switch c {
		case '"', '\\', '/':
			d.text = append(d.text, c)
		case 'n':
			d.text = append(d.text, '\n')
		case 'r':
			d.text = append(d.text, '\r')
		case 't':
			d.text = append(d.text, '\t')
		case 'u':
			if len(in) < 4 {
				return nil, false
			}
			r, err := strconv.ParseUint(string(in[:4]), 16, 16)
			if err != nil || r >= 0xd800 && r < 0xe000 {
				return nil, false // the other decoder knows of surrogates
			}
			d.text = append(d.text, string(rune(r))...)
			in = in[4:]
		default:
			return nil, false
		}
	}
}

// time reads "2006-01-02T15:04:05.000000000Z".
func (d *decoder) time(text []byte) (time.Time, bool) {
	if text[29] != 'Z' {
		return time.Time{}, false
	}
	if !bytes.Equal(text[:20], d.prefix[:]) {
		at, err := time.Parse("2006-01-02T15:04:05.", string(text[:20]))
		if err != nil {
			return time.Time{}, false
		}
		copy(d.prefix[:], text)
		d.second = at.Unix()
	}
	var nanos int64
	for _, c := range text[20:29] {
		if c < '0' || c > '9' {
			return time.Time{}, false
		}
		nanos = nanos*10 + int64(c-'0')
	}
	return time.Unix(d.second, nanos).UTC(), true
}
