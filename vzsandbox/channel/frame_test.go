package channel

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFrameRoundTrip(t *testing.T) {
	var wire bytes.Buffer
	bodies := []string{"", "x", strings.Repeat("<é>", ahead), strings.Repeat("x", 3<<20)}
	for i, body := range bodies {
		frame, size, err := valueFrame(kindRequest, uint64(i+1), "body", body)
		if err != nil {
			t.Fatal(err)
		}
		wire.Write(frame)
		if in, _ := json.Marshal(body); size != len(in) {
			t.Errorf("size = %d, want %d", size, len(in))
		}
	}
	wire.Write(helloFrame(7))
	wire.Write(cancelFrame(8))
	r := newFrameReader(iotest.HalfReader(&wire))
	for i, want := range bodies {
		m := readMessage(t, r)
		var got string
		if err := json.Unmarshal(m.Body, &got); err != nil || got != want || m.ID != uint64(i+1) || m.Kind != kindRequest {
			t.Errorf("message %d is %s %d with %d bytes, %v", i, m.Kind, m.ID, len(got), err)
		}
	}
	if m := readMessage(t, r); m.Kind != kindHello || m.Window != 7 {
		t.Errorf("hello = %+v", m)
	}
	if m := readMessage(t, r); m.Kind != kindCancel || m.ID != 8 {
		t.Errorf("cancel = %+v", m)
	}
	_, err := r.next()
	wantErr(t, err, io.EOF)
}

func TestFrameRefused(t *testing.T) {
	tests := []struct {
		name, in string
		want     error
	}{
		{"nothing", "", io.EOF},
		{"half a length", "\x01\x00", io.ErrUnexpectedEOF},
		{"half a payload", "\x05\x00\x00\x00abc", io.ErrUnexpectedEOF},
		{"no payload", "\x05\x00\x00\x00", io.ErrUnexpectedEOF},
		{"a payload that never comes", "\x00\x00\x00\x01", io.ErrUnexpectedEOF},
		{"longer than allowed", "\x01\x00\x00\x01", ErrProtocol},
		{"the longest length", "\xff\xff\xff\xff", ErrProtocol},
		{"a stream of agentproto", "VZS1", ErrProtocol},
	}
	for _, tt := range tests {
		if _, err := newFrameReader(strings.NewReader(tt.in)).next(); !errors.Is(err, tt.want) {
			t.Errorf("%s: error = %v, want %v", tt.name, err, tt.want)
		}
	}
	_, err := newFrameReader(strings.NewReader("\x01\x00\x00\x01")).next()
	if want := "protocol violation: a frame of 16777217 bytes, at most 16777216 are allowed"; err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

// TestFrameMemory shows that an announced length costs no memory.
func TestFrameMemory(t *testing.T) {
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, _ = newFrameReader(strings.NewReader("\x00\x00\x00\x01abc")).next()
		}
	})
	if n := result.AllocedBytesPerOp(); n > 2*ahead {
		t.Errorf("3 bytes of 16 MiB took %d bytes of memory", n)
	}
}

func TestParseMessage(t *testing.T) {
	good := map[string]message{
		`{"kind":"request","id":1,"body":null}`:                             {Kind: kindRequest, ID: 1, Body: json.RawMessage("null")},
		`{"kind":"request","id":1,"body": [1, 2] }`:                         {Kind: kindRequest, ID: 1, Body: json.RawMessage("[1, 2]")},
		`{"body":{},"id":18446744073709551615,"kind":"request"}`:            {Kind: kindRequest, ID: 1<<64 - 1, Body: json.RawMessage("{}")},
		`{"kind":"request","id":2,"body":1,"hint":{"new":true}}`:            {Kind: kindRequest, ID: 2, Body: json.RawMessage("1")},
		`{"kind":"cancel","id":3}`:                                          {Kind: kindCancel, ID: 3},
		`{"kind":"hello","window":4}`:                                       {Kind: kindHello, Window: 4},
		`{"kind":"answer","id":5,"body":"x"}`:                               {Kind: kindAnswer, ID: 5, Body: json.RawMessage(`"x"`)},
		`{"kind":"answer","id":6,"error":{"code":"timeout","message":"m"}}`: {Kind: kindAnswer, ID: 6, Error: &Error{Code: "timeout", Message: "m"}},
	}
	for in, want := range good {
		if got, err := parseMessage([]byte(in)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("parseMessage(%s) = %+v, %v, want %+v", in, got, err, want)
		}
	}
	bad := []string{
		``, `x`, `null`, `[]`, `1`, `{}`, `{"kind":"request","id":1,"body":1} ` + "x", `{"kind":"request","id":1,"body":1}{}`,
		`{"kind":"request","id":1}`, `{"kind":"request","body":1}`, `{"kind":"request","id":0,"body":1}`, `{"kind":"request","id":-1,"body":1}`,
		`{"kind":"request","id":18446744073709551616,"body":1}`, `{"kind":"request","id":"1","body":1}`, `{"kind":"request","id":01,"body":1}`,
		`{"kind":"request","id":1,"body":}`, `{"kind":"request","id":1,"body":{}`, `{"kind":"request","id":,"body":1}`, `{"kind":"request","id":1.5,"body":1}`,
		`{"kind":"answer","id":1}`, `{"kind":"answer","id":1,"body":1,"error":{"code":"x"}}`, `{"kind":"answer","id":1,"error":1}`, `{"kind":"answer","id":1,"error":null}`,
		`{"kind":"hello"}`, `{"kind":"hello","window":0}`, `{"kind":"hello","window":-5}`, `{"kind":"hello","window":1e99}`,
		`{"kind":"cancel"}`, `{"kind":"later","id":1}`, `{"kind":"` + strings.Repeat("x", 1<<20) + `"}`, strings.Repeat("[", 1<<20),
	}
	for _, in := range bad {
		_, err := parseMessage([]byte(in))
		if !errors.Is(err, ErrProtocol) || len(err.Error()) > 300 {
			t.Errorf("parseMessage(%.80s) error = %v, want a short ErrProtocol", in, err)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(`{"kind":"request","id":1,"body":{"a":[1,2]}}`))
	f.Add([]byte(`{"kind":"answer","id":2,"body": 1 }`))
	f.Add([]byte(`{"kind":"request","id":1,"body":1,"id":2}`))
	f.Add([]byte(`{"kind":"answer","id":1,"error":{"code":"timeout","message":"x"}}`))
	f.Add([]byte(`{"kind":"request","id":+1,"body":1}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		plain, ok := parsePlain(payload)
		if !ok {
			return
		}
		if m, err := parseAny(payload); err != nil || !reflect.DeepEqual(m, plain) {
			t.Errorf("%q is %+v in plain, %+v, %v otherwise", payload, plain, m, err)
		}
	})
}
