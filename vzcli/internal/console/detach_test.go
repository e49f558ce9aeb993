package console

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParseKeys(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		bad      bool
	}{
		{in: DefaultKeys, want: "\x10\x11"},
		{in: "a", want: "a"},
		{in: "ctrl-a,b,ctrl-[", want: "\x01b\x1b"},
		{in: "ctrl-@,ctrl-_", want: "\x00\x1f"},
		{in: "", bad: true},
		{in: "ctrl-", bad: true},
		{in: "ctrl-A", bad: true},
		{in: "ab", bad: true},
		{in: "ctrl-p,,q", bad: true},
	} {
		got, err := ParseKeys(tt.in)
		if (err != nil) != tt.bad || string(got) != tt.want && !tt.bad {
			t.Errorf("ParseKeys(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestDetacher(t *testing.T) {
	for _, tt := range []struct {
		name, keys, in, want string
		detached             bool
	}{
		{"no keys", "\x10\x11", "hello", "hello", false},
		{"keys at the end", "\x10\x11", "hi\x10\x11", "hi", true},
		{"what follows is lost", "\x10\x11", "hi\x10\x11more", "hi", true},
		{"broken sequence passes", "\x10\x11", "a\x10b", "a\x10b", false},
		{"restarted sequence", "\x10\x11", "\x10\x10\x11", "\x10", true},
		{"half a sequence at the end", "\x10\x11", "a\x10", "a\x10", false},
		{"one key", "q", "abq", "ab", true},
		{"self-overlapping", "aab", "aaab", "a", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for kind, wrap := range map[string]func(io.Reader) io.Reader{
				"at once": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "end with data": iotest.DataErrReader,
			} {
				d := newDetacher(wrap(strings.NewReader(tt.in)), []byte(tt.keys))
				got, err := io.ReadAll(d)
				if err != nil {
					t.Fatal(err)
				}
				detached := false
				select {
				case <-d.detached:
					detached = true
				default:
				}
				if string(got) != tt.want || detached != tt.detached {
					t.Errorf("%s: %q gives %q, detached %v; want %q, %v", kind, tt.in, got, detached, tt.want, tt.detached)
				}
			}
		})
	}
}
