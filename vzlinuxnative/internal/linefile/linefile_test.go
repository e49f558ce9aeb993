//go:build linux

package linefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func all([]byte) bool { return true }

// rest reads to the end.
func rest(t *testing.T, r *Reader, ended <-chan struct{}) string {
	t.Helper()
	var text strings.Builder
	for {
		line, err := r.Next(t.Context(), ended)
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		require.NoError(t, err)
		text.Write(line)
	}
}

func numbers(from, to int) string {
	var s strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintln(&s, i)
	}
	return s.String()
}

func write(t *testing.T, o Options, texts ...string) {
	t.Helper()
	w, err := Create(o)
	require.NoError(t, err)
	for _, text := range texts {
		require.NoError(t, w.Write([]byte(text)))
	}
	require.NoError(t, w.Close())
}

func read(t *testing.T, path string, tail int) string {
	t.Helper()
	r, err := Open(path, false)
	require.NoError(t, err)
	defer r.Close()
	if tail >= 0 {
		require.NoError(t, r.Tail(tail, all))
	}
	return rest(t, r, nil)
}

func TestWriteAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.Empty(t, read(t, path, -1), "what is not there is empty")
	write(t, Options{Path: path}, "one\ntwo\n", "three\n")
	require.Equal(t, "one\ntwo\nthree\n", read(t, path, -1))
	write(t, Options{Path: path}, "four\n")
	require.Equal(t, "one\ntwo\nthree\nfour\n", read(t, path, -1))
}

func TestRotation(t *testing.T) {
	for _, files := range []int{0, 1, 2, 5} {
		path := filepath.Join(t.TempDir(), "log")
		write(t, Options{Path: path, MaxSize: 100, MaxFiles: files}, numbers(1, 500), numbers(501, 1000))
		got := read(t, path, -1)
		require.NotEmpty(t, got)
		require.LessOrEqual(t, len(got), 100*max(files, 1))
		require.True(t, strings.HasSuffix(numbers(1, 1000), got), got)
		matches, err := filepath.Glob(path + "*")
		require.NoError(t, err)
		require.Len(t, matches, max(files, 1))
		require.NoError(t, Remove(path))
		require.Empty(t, read(t, path, -1))
	}
}

func TestLineLargerThanFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	large := strings.Repeat("x", 300) + "\n"
	write(t, Options{Path: path, MaxSize: 100, MaxFiles: 3}, "a\n"+large+"b\n")
	require.Equal(t, "a\n"+large+"b\n", read(t, path, -1))
}

func TestTornLine(t *testing.T) {
	for _, torn := range []string{"tor", strings.Repeat("t", 100<<10)} {
		path := filepath.Join(t.TempDir(), "log")
		require.NoError(t, os.WriteFile(path, []byte("one\n"+torn), 0o600))
		require.Equal(t, "one\n", read(t, path, -1))
		require.Equal(t, "one\n", read(t, path, 1))
		require.Empty(t, read(t, path, 0))
		write(t, Options{Path: path}, "two\n")
		require.Equal(t, "one\n"+torn+"\ntwo\n", read(t, path, -1))
	}
}

func TestTail(t *testing.T) {
	for name, o := range map[string]Options{"one file": {}, "files": {MaxSize: 2000, MaxFiles: 100}} {
		t.Run(name, func(t *testing.T) {
			o.Path = filepath.Join(t.TempDir(), "log")
			write(t, o, numbers(1, 20000))
			for _, n := range []int{0, 1, 2, 399, 400, 401, 12345, 20000, 30000} {
				require.Equal(t, numbers(max(1, 20001-n), 20000), read(t, o.Path, n), "tail %d", n)
			}
			r, err := Open(o.Path, false)
			require.NoError(t, err)
			defer r.Close()
			require.NoError(t, r.Tail(2, func(line []byte) bool { return strings.HasSuffix(string(line), "00\n") }))
			require.Equal(t, numbers(19900, 20000), rest(t, r, nil))
		})
	}
}

func TestTailOfLongLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	long := strings.Repeat("l", 200<<10) + "\n"
	write(t, Options{Path: path}, "a\n"+long+"b\n"+long)
	require.Equal(t, long, read(t, path, 1))
	require.Equal(t, long+"b\n"+long, read(t, path, 3))
	require.Equal(t, "a\n"+long+"b\n"+long, read(t, path, 4))
}

func TestTooLongLineIsLeftOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	write(t, Options{Path: path}, "a\n"+strings.Repeat("x", maxLine+100)+"\nb\n")
	require.Equal(t, "a\nb\n", read(t, path, -1))
}

// TestFollow reads along with a writer that rotates all the time, and loses
// nothing as long as enough files are kept.
func TestFollow(t *testing.T) {
	const lines = 100_000
	o := Options{Path: filepath.Join(t.TempDir(), "log"), MaxSize: 4 << 10, MaxFiles: 1000}
	r, err := Open(o.Path, true)
	require.NoError(t, err)
	defer r.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w, err := Create(o)
		if err != nil {
			t.Error(err)
			return
		}
		for i := 1; i <= lines; i += 10 {
			if err := w.Write([]byte(numbers(i, i+9))); err != nil {
				t.Error(err)
				return
			}
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := 1; i <= lines; i++ {
		line, err := r.Next(t.Context(), ended)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintln(i), string(line))
	}
	_, err = r.Next(t.Context(), ended)
	require.ErrorIs(t, err, io.EOF)
}

// TestFollowKeepsFiles: what a follower has noticed it can read, also when it
// is rotated away.
func TestFollowKeepsFiles(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "log"), MaxSize: 10, MaxFiles: 1}
	w, err := Create(o)
	require.NoError(t, err)
	r, err := Open(o.Path, true)
	require.NoError(t, err)
	defer r.Close()
	for i := 1; i <= 9; i++ {
		text := fmt.Sprintf("line %d\n", i)
		require.NoError(t, w.Write([]byte(text)))
		require.NoError(t, r.discover())
	}
	require.NoError(t, w.Close())
	ended := make(chan struct{})
	close(ended)
	require.Len(t, strings.Split(rest(t, r, ended), "\n"), 10)
}

func TestFollowEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "container")
	require.NoError(t, os.Mkdir(dir, 0o755))
	path := filepath.Join(dir, "log")
	write(t, Options{Path: path}, "a\n")
	r, err := Open(path, true)
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Next(t.Context(), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = r.Next(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
	done := make(chan error, 1)
	go func() {
		_, err := r.Next(t.Context(), nil)
		done <- err
	}()
	require.NoError(t, os.RemoveAll(dir))
	require.ErrorIs(t, <-done, io.EOF, "the directory is gone")
	_, err = Open(path, true)
	require.ErrorContains(t, err, "watch")
}
