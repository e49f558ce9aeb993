package inflate

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
)

// samples are contents that make encoders use all of the format.
func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 700_000)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	skewed := make([]byte, 900_000) // long codes
	for i := range skewed {
		skewed[i] = byte(r.ExpFloat64() * 6)
	}
	words := strings.Fields("the quick brown fox jumps over a lazy dog while containers are pulled from registries and unpacked")
	var text bytes.Buffer
	for text.Len() < 2_000_000 {
		text.WriteString(words[r.IntN(len(words))])
		text.WriteByte(" \n"[r.IntN(2)])
	}
	far := append(bytes.Clone(random[:32<<10]), random[:32<<10]...) // the longest distance
	return map[string][]byte{
		"empty": nil, "one": []byte("x"), "text": text.Bytes(), "random": random, "skewed": skewed, "far": far,
		"zeros": make([]byte, 3_000_000), "short period": bytes.Repeat([]byte("abc"), 500_000), "period 7": bytes.Repeat([]byte("abcdefg"), 1000),
	}
}

func compress(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReader(t *testing.T) {
	for name, data := range samples() {
		for _, level := range []int{gzip.HuffmanOnly, gzip.NoCompression, 1, 6, 9} {
			z := compress(t, data, level)
			got, err := io.ReadAll(NewReader(bytes.NewReader(z)))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s at level %d: %d bytes, %v; want %d bytes", name, level, len(got), err, len(data))
			}
		}
	}
}

// Input that comes in pieces of any size gives the same output.
func TestReaderInPieces(t *testing.T) {
	data := samples()["text"][:300_000]
	for level := 1; level <= 9; level += 4 {
		z := compress(t, data, level)
		for name, r := range map[string]io.Reader{
			"one byte":  iotest.OneByteReader(bytes.NewReader(z)),
			"half":      iotest.HalfReader(bytes.NewReader(z)),
			"data, EOF": iotest.DataErrReader(bytes.NewReader(z)),
		} {
			got, err := io.ReadAll(NewReader(r))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
	}
	if err := iotest.TestReader(NewReader(bytes.NewReader(compress(t, data[:5000], 6))), data[:5000]); err != nil {
		t.Error(err)
	}
}

func TestMembers(t *testing.T) {
	var b bytes.Buffer
	b.Write(compress(t, []byte("one"), 6))
	w := stdgzip.NewWriter(&b)
	w.Name, w.Comment, w.Extra = "name", "comment", []byte("extra")
	if _, err := w.Write([]byte("two")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	b.Write(compress(t, nil, 6))
	got, err := io.ReadAll(NewReader(&b))
	if err != nil || string(got) != "onetwo" {
		t.Errorf("members = %q, %v", got, err)
	}
}

func TestBroken(t *testing.T) {
	z := compress(t, samples()["text"][:100_000], 6)
	change := func(i int, b byte) []byte {
		c := bytes.Clone(z)
		c[(i+len(c))%len(c)] ^= b
		return c
	}
	source := errors.New("source")
	tests := []struct {
		name string
		in   io.Reader
		want error
	}{
		{"nothing", bytes.NewReader(nil), io.ErrUnexpectedEOF},
		{"not gzip", strings.NewReader("<html>"), ErrHeader},
		{"half a header", bytes.NewReader(z[:5]), io.ErrUnexpectedEOF},
		{"half the data", bytes.NewReader(z[:len(z)/2]), io.ErrUnexpectedEOF},
		{"no trailer", bytes.NewReader(z[:len(z)-8]), io.ErrUnexpectedEOF},
		{"wrong checksum", bytes.NewReader(change(-6, 1)), ErrChecksum},
		{"wrong size", bytes.NewReader(change(-1, 1)), ErrChecksum},
		{"trailing garbage", bytes.NewReader(append(bytes.Clone(z), "garbage"...)), ErrHeader},
		{"reserved block type", bytes.NewReader(append(bytes.Clone(z[:10]), 7)), ErrCorrupt},
		{"stored length", bytes.NewReader(append(bytes.Clone(z[:10]), 1, 5, 0, 0, 0)), ErrCorrupt},
		{"distance too far", bytes.NewReader(append(bytes.Clone(z[:10]), 3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), ErrCorrupt},
		{"source fails", io.MultiReader(bytes.NewReader(z[:1000]), iotest.ErrReader(source)), source},
	}
	for _, tt := range tests {
		if _, err := io.Copy(io.Discard, NewReader(tt.in)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// FuzzReader compares with the standard library: the same bytes, and an error
// exactly where that has one.
func FuzzReader(f *testing.F) {
	for _, data := range samples() {
		f.Add(compress(f, data[:min(len(data), 3000)], 6), uint16(0), byte(0))
		f.Add(compress(f, data[:min(len(data), 3000)], 1), uint16(30), byte(4))
		f.Add(compress(f, data[:min(len(data), 300)], gzip.HuffmanOnly), uint16(20), byte(1))
	}
	f.Fuzz(func(t *testing.T, z []byte, at uint16, flip byte) {
		if len(z) > 0 {
			z = bytes.Clone(z)
			z[int(at)%len(z)] ^= flip
		}
		const limit = 1 << 22
		got, err := io.ReadAll(io.LimitReader(NewReader(bytes.NewReader(z)), limit))
		var want []byte
		std, wantErr := stdgzip.NewReader(bytes.NewReader(z))
		if wantErr == nil {
			want, wantErr = io.ReadAll(io.LimitReader(std, limit))
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error = %v, standard library %v", err, wantErr)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatalf("%d bytes differ from the standard library's %d", len(got), len(want))
		}
		if n := min(len(got), len(want)); !bytes.Equal(got[:n], want[:n]) {
			t.Fatal("the bytes before the error differ")
		}
	})
}

func BenchmarkReader(b *testing.B) {
	z := compress(b, samples()["text"], 6)
	if name := os.Getenv("VZ_BENCH_GZIP"); name != "" {
		var err error
		if z, err = os.ReadFile(name); err != nil {
			b.Fatal(err)
		}
	}
	readers := map[string]func(io.Reader) (io.Reader, error){
		"vz":        func(r io.Reader) (io.Reader, error) { return NewReader(r), nil },
		"klauspost": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"standard":  func(r io.Reader) (io.Reader, error) { return stdgzip.NewReader(r) },
	}
	for name, open := range readers {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r, err := open(bytes.NewReader(z))
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, r)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(n)
			}
		})
	}
}
