//go:build linux

package stream

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// blocking returns the file in blocking mode, as a shell's stdout is.
func blocking(t *testing.T, f *os.File) *os.File {
	t.Helper()
	fd, err := unix.Dup(int(f.Fd())) // which makes it blocking
	require.NoError(t, err)
	f.Close()
	return os.NewFile(uintptr(fd), "blocking")
}

// TestOutput gives a workload's output to the log and to two clients.
func TestOutput(t *testing.T) {
	var log bytes.Buffer
	s, stdio, err := New(false, false, Logs{Stdout: &log})
	require.NoError(t, err)
	r1, w1 := pipe(t)
	r2, w2 := pipe(t)
	first, err := s.Attach(Files{Out: w1}, false)
	require.NoError(t, err)
	second, err := s.Attach(Files{Out: blocking(t, w2)}, false)
	require.NoError(t, err)
	out, err := unix.Dup(int(stdio.Stdout.Fd()))
	require.NoError(t, err)
	s.Begin()
	workload := os.NewFile(uintptr(out), "workload")
	_, err = workload.WriteString("hello\n")
	require.NoError(t, err)
	// The workload ends though somebody holds the stream open.
	s.End()
	first.Done()
	second.Done()
	for _, r := range []*os.File{r1, r2} {
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		require.Equal(t, "hello\n", string(text))
	}
	require.Equal(t, "hello\n", log.String())
	workload.Close()
}

// TestSlowClient: one that does not read holds the workload up, but not the
// end of the run.
func TestSlowClient(t *testing.T) {
	var log bytes.Buffer
	s, stdio, err := New(false, false, Logs{Stdout: &log})
	require.NoError(t, err)
	r, w := pipe(t)
	c, err := s.Attach(Files{Out: blocking(t, w)}, false)
	require.NoError(t, err)
	out, err := unix.Dup(int(stdio.Stdout.Fd()))
	require.NoError(t, err)
	s.Begin()
	workload := os.NewFile(uintptr(out), "workload")
	data := strings.Repeat("0123456789abcdef", 1<<14) // 256 KiB, more than the pipe holds
	_, err = workload.WriteString(data)
	require.NoError(t, err)
	workload.Close()
	s.End()
	require.Equal(t, data, log.String())
	got := make(chan string, 1)
	go func() { text, _ := io.ReadAll(r); got <- string(text) }()
	c.Done()
	require.Equal(t, data, <-got)
}

// TestClientGone: a client that went does not hold anything up.
func TestClientGone(t *testing.T) {
	s, stdio, err := New(false, false, Logs{})
	require.NoError(t, err)
	r, w := pipe(t)
	c, err := s.Attach(Files{Out: w}, false)
	require.NoError(t, err)
	r.Close()
	out, err := unix.Dup(int(stdio.Stdout.Fd()))
	require.NoError(t, err)
	s.Begin()
	workload := os.NewFile(uintptr(out), "workload")
	_, err = workload.Write(make([]byte, 2<<20))
	require.NoError(t, err)
	workload.Close()
	s.End()
	c.Done()
	c.Leave()
}

// TestInput sends bytes to a workload, from a pipe in either mode.
func TestInput(t *testing.T) {
	for _, mode := range []string{"blocking", "nonblocking"} {
		s, stdio, err := New(false, true, Logs{})
		require.NoError(t, err)
		in, err := unix.Dup(int(stdio.Stdin.Fd()))
		require.NoError(t, err)
		s.Begin()
		r, w := pipe(t)
		if mode == "blocking" {
			r = blocking(t, r)
		}
		_, err = s.Attach(Files{In: r}, true)
		require.NoError(t, err)
		sent, got := sha256.New(), sha256.New()
		go func() {
			_, _ = io.Copy(w, io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{}), 8<<20), sent))
			w.Close()
		}()
		workload := os.NewFile(uintptr(in), "workload")
		n, err := io.Copy(got, workload)
		require.NoError(t, err)
		require.EqualValues(t, 8<<20, n)
		require.Equal(t, sent.Sum(nil), got.Sum(nil))
		workload.Close()
		s.End()
	}
}

// TestLeaveEndsInput: a client that leaves stops reading its file, and closes
// stdin if that was to go with it.
func TestLeaveEndsInput(t *testing.T) {
	s, stdio, err := New(false, true, Logs{})
	require.NoError(t, err)
	in, err := unix.Dup(int(stdio.Stdin.Fd()))
	require.NoError(t, err)
	s.Begin()
	r, w := pipe(t)
	c, err := s.Attach(Files{In: blocking(t, r)}, true)
	require.NoError(t, err)
	c.Leave()
	workload := os.NewFile(uintptr(in), "workload")
	text, err := io.ReadAll(workload)
	require.NoError(t, err)
	require.Empty(t, text)
	unread := []unix.PollFd{{Fd: int32(w.Fd())}} // POLLERR is always told
	_, err = unix.Poll(unread, -1)
	require.NoError(t, err)
	require.EqualValues(t, unix.POLLERR, unread[0].Revents)
	s.End()
}

// TestAbortAfterBegin is a start that fails when the workload runs already.
func TestAbortAfterBegin(t *testing.T) {
	for _, tty := range []bool{false, true} {
		var log bytes.Buffer
		s, stdio, err := New(tty, true, Logs{Stdout: &log})
		require.NoError(t, err)
		if tty {
			r, w := pipe(t)
			require.NoError(t, w.Close())
			require.NoError(t, s.SetConsole(r))
		} else {
			_, err = stdio.Stdout.WriteString("hello\n")
			require.NoError(t, err)
		}
		s.Begin()
		s.Abort()
		if !tty {
			require.Equal(t, "hello\n", log.String())
		}
	}
}

// TestAbort: a set that has not begun closes all that it has.
func TestAbort(t *testing.T) {
	s, stdio, err := New(false, true, Logs{})
	require.NoError(t, err)
	ends := []*os.File{stdio.Stdin, stdio.Stdout, stdio.Stderr, s.input()}
	for _, o := range s.outs {
		ends = append(ends, o.src)
	}
	r, w := pipe(t)
	c, err := s.Attach(Files{Out: w}, true)
	require.NoError(t, err)
	s.Abort()
	c.Done()
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Empty(t, text)
	for _, f := range ends {
		require.ErrorIs(t, f.Close(), os.ErrClosed)
	}
}

// TestLost: a client whose reader has gone is told so, once. The workload goes on
// writing to the log, or finds its stream broken when that is passed on.
func TestLost(t *testing.T) {
	for _, pass := range []bool{false, true} {
		var log bytes.Buffer
		s, stdio, err := New(false, false, Logs{Stdout: &log})
		require.NoError(t, err)
		if pass {
			s.PassOn()
		}
		r, w := pipe(t)
		c, err := s.Attach(Files{Out: blocking(t, w)}, false)
		require.NoError(t, err)
		out, err := unix.Dup(int(stdio.Stdout.Fd()))
		require.NoError(t, err)
		s.Begin()
		workload := os.NewFile(uintptr(out), "workload")
		line := []byte("line\n")
		_, err = workload.Write(line)
		require.NoError(t, err)
		_, err = io.ReadFull(r, make([]byte, len(line)))
		require.NoError(t, err)
		r.Close()
		_, err = workload.Write(line)
		require.NoError(t, err)
		lost := <-c.Lost()
		require.ErrorIs(t, lost, vzcontract.ErrOutputLost)
		require.EqualError(t, lost, "write stdout: broken pipe")
		for err = nil; pass && err == nil; {
			_, err = workload.Write(line) // until it is found
		}
		if pass {
			require.ErrorIs(t, err, unix.EPIPE)
		}
		s.End()
		c.Done()
		require.Empty(t, c.Lost())
		require.Contains(t, log.String(), "line\nline\n")
		workload.Close()
	}
}

// TestOneOfTwoLost: the stream is not broken while another client reads it.
func TestOneOfTwoLost(t *testing.T) {
	s, stdio, err := New(false, false, Logs{})
	require.NoError(t, err)
	s.PassOn()
	r1, w1 := pipe(t)
	r2, w2 := pipe(t)
	gone, err := s.Attach(Files{Out: w1}, false)
	require.NoError(t, err)
	stays, err := s.Attach(Files{Out: w2}, false)
	require.NoError(t, err)
	out, err := unix.Dup(int(stdio.Stdout.Fd()))
	require.NoError(t, err)
	s.Begin()
	r1.Close()
	workload := os.NewFile(uintptr(out), "workload")
	for range 3 {
		_, err = workload.WriteString("x")
		require.NoError(t, err)
		_, err = io.ReadFull(r2, make([]byte, 1))
		require.NoError(t, err)
	}
	require.ErrorIs(t, <-gone.Lost(), vzcontract.ErrOutputLost)
	_, err = workload.WriteString("end")
	require.NoError(t, err)
	workload.Close()
	s.End()
	stays.Done()
	text, err := io.ReadAll(r2)
	require.NoError(t, err)
	require.Equal(t, "end", string(text))
	require.Empty(t, stays.Lost())
}
