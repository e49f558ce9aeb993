//go:build linux

package logfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func newLog(t testing.TB, o Options) (*Writer, string) {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "log.json")
	w, err := Create(o)
	require.NoError(t, err)
	return w, o.Path
}

func write(t *testing.T, w io.Writer, text string) {
	t.Helper()
	n, err := io.WriteString(w, text)
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

// read returns "stream:line" of all entries.
func read(t *testing.T, path string, opts vzcontract.LogOptions) []string {
	t.Helper()
	var got []string
	require.NoError(t, Read(t.Context(), path, opts, nil, func(e vzcontract.LogEntry) error {
		got = append(got, e.Stream+":"+string(e.Line))
		return nil
	}))
	return got
}

var everything = vzcontract.LogOptions{Tail: -1}

func TestStreams(t *testing.T) {
	before := time.Now()
	w, path := newLog(t, Options{})
	out, err := w.Stream("stdout"), w.Stream("stderr")
	write(t, out, "one\ntw")
	write(t, err, "oops\n")
	write(t, out, "o\nbegun")
	require.Equal(t, []string{"stdout:one\n", "stderr:oops\n", "stdout:two\n"}, read(t, path, everything), "before Close")
	require.NoError(t, w.Flush())
	write(t, out, "again\n")
	write(t, err, "tail")
	require.NoError(t, w.Close())
	want := []string{"stdout:one\n", "stderr:oops\n", "stdout:two\n", "stdout:begun", "stdout:again\n", "stderr:tail"}
	require.Equal(t, want, read(t, path, everything))
	require.Equal(t, []string{"stderr:oops\n", "stderr:tail"}, read(t, path, vzcontract.LogOptions{Tail: -1, Stderr: true}))
	require.Equal(t, want[4:5], read(t, path, vzcontract.LogOptions{Tail: 1, Stdout: true}))
	require.Equal(t, want[3:], read(t, path, vzcontract.LogOptions{Tail: 3}))
	require.Empty(t, read(t, path, vzcontract.LogOptions{Tail: 0}))
	require.Empty(t, read(t, path, vzcontract.LogOptions{Tail: -1, Since: time.Now()}))
	require.Empty(t, read(t, path, vzcontract.LogOptions{Tail: -1, Until: before}))
	require.Len(t, read(t, path, vzcontract.LogOptions{Tail: -1, Since: before, Until: time.Now()}), 6)
}

// TestFormat: other programs read it as Docker's.
func TestFormat(t *testing.T) {
	w, path := newLog(t, Options{})
	const text = "tab\t quote\" back\\ \x00\x01\x7f é 世 \U0001f600 \u2028\r\n"
	write(t, w.Stream("stdout"), text)
	require.NoError(t, w.Close())
	line, err := os.ReadFile(path)
	require.NoError(t, err)
	var entry map[string]string
	require.NoError(t, json.Unmarshal(line, &entry))
	require.Equal(t, text, entry["log"])
	require.Equal(t, "stdout", entry["stream"])
	at, err := time.Parse(time.RFC3339Nano, entry["time"])
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Hour)
	require.Len(t, entry, 3)
}

func TestForeignAndDamagedLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.json")
	text := `{"log":"docker\n","stream":"stderr","time":"2024-05-06T07:08:09.1Z"}
{"log":"cut","stre
no json
{"stream":"stdout"}
[]

{"time":"2024-05-06T07:08:09.123456789+01:00","log":"\ud83d\ude00","stream":"stdout","attrs":{"a":"b"}}
{"log":"torn`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.Equal(t, []string{"stderr:docker\n", "stdout:\U0001f600"}, read(t, path, everything))
	require.Equal(t, []string{"stdout:\U0001f600"}, read(t, path, vzcontract.LogOptions{Tail: 1}))
	w, err := Create(Options{Path: path})
	require.NoError(t, err)
	write(t, w.Stream("stdout"), "after\n")
	require.NoError(t, w.Close())
	require.Equal(t, []string{"stderr:docker\n", "stdout:\U0001f600", "stdout:after\n"}, read(t, path, everything))
}

func TestLongLinesComeInParts(t *testing.T) {
	for name, text := range map[string]string{
		"ascii": strings.Repeat("0123456789", 10000) + "\n", "runes": strings.Repeat("a世", 20000) + "\n",
		"bytes": strings.Repeat("\xff\x80", 20000) + "\n", "exact": strings.Repeat("x", maxPart) + "\n", "begun": strings.Repeat("y", 3*maxPart),
	} {
		for _, chunk := range []int{1 << 20, 1000, maxPart} {
			t.Run(fmt.Sprint(name, chunk), func(t *testing.T) {
				w, path := newLog(t, Options{})
				s := w.Stream("stdout")
				for rest := text; rest != ""; {
					n := min(chunk, len(rest))
					write(t, s, rest[:n])
					rest = rest[n:]
				}
				require.NoError(t, w.Close())
				var got strings.Builder
				require.NoError(t, Read(t.Context(), path, everything, nil, func(e vzcontract.LogEntry) error {
					require.LessOrEqual(t, len(e.Line), maxPart)
					require.True(t, name != "runes" || utf8.Valid(e.Line), "a character is cut")
					got.Write(e.Line)
					return nil
				}))
				require.True(t, text == got.String())
			})
		}
	}
}

func TestReadFromGoesOnAfterErrors(t *testing.T) {
	w, _ := newLog(t, Options{})
	require.NoError(t, w.Close())
	in := strings.NewReader(strings.Repeat("line\n", 50000))
	n, err := w.Stream("stdout").(io.ReaderFrom).ReadFrom(in)
	require.EqualValues(t, 250000, n)
	require.ErrorIs(t, err, os.ErrClosed)
}

// TestFollow: two fast streams, a reader that sees every line of each in order.
func TestFollow(t *testing.T) {
	const lines = 50000
	w, path := newLog(t, Options{MaxSize: 1 << 20, MaxFiles: 100})
	ended := make(chan struct{})
	var writers sync.WaitGroup
	for _, name := range []string{"stdout", "stderr"} {
		s := w.Stream(name)
		writers.Go(func() {
			for i := range lines {
				if _, err := fmt.Fprintf(s, "%d\n", i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() {
		writers.Wait()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		close(ended)
	}()
	next := map[string]int{}
	last := time.Time{}
	require.NoError(t, Read(t.Context(), path, vzcontract.LogOptions{Tail: -1, Follow: true}, ended, func(e vzcontract.LogEntry) error {
		if want := fmt.Sprintf("%d\n", next[e.Stream]); string(e.Line) != want {
			return fmt.Errorf("%s has %q, want %q", e.Stream, e.Line, want)
		}
		if e.Time.Before(last) {
			return errors.New("time goes back")
		}
		last = e.Time
		next[e.Stream]++
		return nil
	}))
	require.Equal(t, map[string]int{"stdout": lines, "stderr": lines}, next)
}

func TestFollowEnds(t *testing.T) {
	w, path := newLog(t, Options{})
	defer w.Close()
	write(t, w.Stream("stdout"), "x\n")
	follow := vzcontract.LogOptions{Tail: -1, Follow: true}
	ctx, cancel := context.WithCancel(t.Context())
	err := Read(ctx, path, follow, nil, func(vzcontract.LogEntry) error { cancel(); return nil })
	require.ErrorIs(t, err, context.Canceled)
	stop := errors.New("stop")
	require.ErrorIs(t, Read(t.Context(), path, follow, nil, func(vzcontract.LogEntry) error { return stop }), stop)
	follow.Until = time.Now().Add(20 * time.Millisecond)
	seen := 0
	require.NoError(t, Read(t.Context(), path, follow, nil, func(vzcontract.LogEntry) error { seen++; return nil }))
	require.Equal(t, 1, seen)
}

func FuzzDecode(f *testing.F) {
	for _, text := range []string{"plain\n", "\x00\xff\"\\é\n", ""} {
		f.Add(appendEntry(nil, "stdout", []byte(text), new(clock).format(time.Unix(1, 2))))
	}
	f.Add([]byte(`{"log":"\ud83d\ude00","stream":"stderr","time":"2024-05-06T07:08:09.1Z"}` + "\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		var d decoder
		e, err := d.decode(line)
		if err != nil || e.Stream != "stdout" && e.Stream != "stderr" || e.Time.Year() < 1 || e.Time.Year() > 9999 {
			return
		}
		text := bytes.Clone(e.Line)
		again := appendEntry(nil, e.Stream, text, new(clock).format(e.Time))
		var d2 decoder
		e2, ok := d2.own(again)
		if !ok || !bytes.Equal(e2.Line, text) || e2.Stream != e.Stream || !e2.Time.Equal(e.Time) {
			t.Errorf("%q became %q, read as %q %v", line, again, e2.Line, ok)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte("a\nb\xff\xc3"), 3)
	f.Fuzz(func(t *testing.T, text []byte, chunk int) {
		path := filepath.Join(t.TempDir(), "log")
		w, err := Create(Options{Path: path})
		require.NoError(t, err)
		s := w.Stream("stderr")
		chunk = max(1, min(chunk, len(text)))
		for rest := text; len(rest) > 0; {
			n := min(chunk, len(rest))
			_, err := s.Write(rest[:n])
			require.NoError(t, err)
			rest = rest[n:]
		}
		require.NoError(t, w.Close())
		var got []byte
		require.NoError(t, Read(t.Context(), path, everything, nil, func(e vzcontract.LogEntry) error {
			got = append(got, e.Line...)
			return nil
		}))
		require.True(t, bytes.Equal(text, got))
	})
}

func BenchmarkWrite(b *testing.B) {
	for name, length := range map[string]int{"20 bytes": 20, "100 bytes": 100} {
		b.Run(name, func(b *testing.B) {
			w, _ := newLog(b, Options{MaxSize: 10 << 20, MaxFiles: 3})
			s := w.Stream("stdout")
			line := strings.Repeat("x", length-1) + "\n"
			batch := []byte(strings.Repeat(line, 1000))
			b.SetBytes(int64(length))
			for range b.N / 1000 {
				if _, err := s.Write(batch); err != nil {
					b.Fatal(err)
				}
			}
			require.NoError(b, w.Close())
		})
	}
}

func BenchmarkRead(b *testing.B) {
	w, path := newLog(b, Options{})
	line := strings.Repeat("x", 99) + "\n"
	s := w.Stream("stdout")
	for range b.N/1000 + 1 {
		if _, err := io.WriteString(s, strings.Repeat(line, 1000)); err != nil {
			b.Fatal(err)
		}
	}
	require.NoError(b, w.Close())
	b.ResetTimer()
	require.NoError(b, Read(b.Context(), path, everything, nil, func(vzcontract.LogEntry) error { return nil }))
}
