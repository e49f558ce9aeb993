package agentproto

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestFrameRoundTrip(t *testing.T) {
	var wire bytes.Buffer
	for _, payload := range []string{"", "{}", string(bytes.Repeat([]byte("x"), 200<<10))} {
		require.NoError(t, WriteFrame(&wire, []byte(payload)))
		got, err := ReadFrame(iotest.OneByteReader(&wire), MaxFrame)
		require.NoError(t, err)
		require.Equal(t, payload, string(got))
	}
	_, err := ReadFrame(&wire, MaxFrame)
	require.ErrorIs(t, err, io.EOF)
}

func TestReadFrameRefuses(t *testing.T) {
	tests := []struct {
		name, in string
		want     error
	}{
		{"nothing", "", io.EOF},
		{"half a length", "\x01\x00", io.ErrUnexpectedEOF},
		{"half a payload", "\x05\x00\x00\x00abc", io.ErrUnexpectedEOF},
		{"a payload that never comes", "\x00\x00\x00\x01", io.ErrUnexpectedEOF},
		{"longer than allowed", "\x01\x00\x00\x01", ErrFrameTooLong},
		{"the longest length", "\xff\xff\xff\xff", ErrFrameTooLong},
		{"a stream", "VZS1", ErrFrameTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := ReadFrame(bytes.NewReader([]byte(tt.in)), MaxFrame); !errors.Is(err, tt.want) {
				t.Errorf("ReadFrame(%q) error = %v, want %v", tt.in, err, tt.want)
			}
		})
	}
	require.ErrorIs(t, WriteFrame(io.Discard, make([]byte, MaxFrame+1)), ErrFrameTooLong)
}

// TestReadFrameMemory shows that an announced length costs no memory.
func TestReadFrameMemory(t *testing.T) {
	announced := []byte("\x00\x00\x00\x01abc")
	used := testing.AllocsPerRun(1, func() { _, _ = ReadFrame(bytes.NewReader(announced), MaxFrame) })
	require.Less(t, used, 20.0)
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, _ = ReadFrame(bytes.NewReader(announced), MaxFrame)
		}
	})
	require.Less(t, result.AllocedBytesPerOp(), int64(256<<10))
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00{}\x02\x00\x00\x00{}"))
	f.Add([]byte("VZS1"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := bytes.NewReader(wire)
		for {
			payload, err := ReadFrame(r, 1<<20)
			if err != nil {
				return
			}
			var again bytes.Buffer
			require.NoError(t, WriteFrame(&again, payload))
			if end := len(wire) - r.Len(); !bytes.Equal(again.Bytes(), wire[end-again.Len():end]) {
				t.Fatal("a frame that was read is not the frame that is written")
			}
		}
	})
}

func FuzzParseMessage(f *testing.F) {
	f.Add([]byte(`{"id":1,"method":"ping","body":{}}`))
	f.Add([]byte(`{"id":1,"cancel":true}`))
	f.Add([]byte(`{"id":18446744073709551615,"error":{"code":"timeout","message":"x"}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := parseMessage(payload)
		if err == nil && m.Error != nil && m.Error.Unwrap() == nil {
			t.Error("an error of the wire matches no sentinel")
		}
		_, _ = parseHello(payload)
	})
}
