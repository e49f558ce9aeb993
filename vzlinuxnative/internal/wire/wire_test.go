//go:build linux

package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// pair returns two connected ends; the second is a plain socket.
func pair(t testing.TB) (*Conn, *net.UnixConn) {
	t.Helper()
	ours, theirs, err := Pair()
	require.NoError(t, err)
	c, err := net.FileConn(theirs)
	theirs.Close()
	require.NoError(t, err)
	t.Cleanup(func() { ours.Close(); c.Close() })
	return ours, c.(*net.UnixConn)
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func TestMessagesAndFiles(t *testing.T) {
	a, other := pair(t)
	b := NewConn(other)
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	sent := &Message{
		Seq: 7, Op: Start, ID: "x", Lock: true, Streams: &Streams{In: true, Err: true},
		Size: &vzcontract.TermSize{Rows: 1, Cols: 2}, Signal: strings.Repeat("long", 100_000),
	}
	done := make(chan error, 1)
	go func() { done <- a.Send(sent, file, file, file) }()
	got, files, err := b.Receive()
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Equal(t, sent, got)
	require.Len(t, files, 3)
	_, err = files[0].WriteString("through")
	require.NoError(t, err)
	closeAll(files)
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.Equal(t, "through", string(text))

	require.NoError(t, b.Send(&Message{Seq: 7, Op: OK}))
	got, files, err = a.Receive()
	require.NoError(t, err)
	require.Equal(t, OK, got.Op)
	require.Empty(t, files)
	require.Error(t, a.Send(sent, file, file, file, file, file))
	a.Close()
	_, _, err = b.Receive()
	require.ErrorIs(t, err, io.EOF)
}

func frame(version, files byte, body string) []byte {
	f := make([]byte, headerSize)
	binary.BigEndian.PutUint16(f, magic)
	f[2], f[3] = version, files
	binary.BigEndian.PutUint32(f[4:], uint32(len(body)))
	return append(f, body...)
}

func TestMalformed(t *testing.T) {
	huge := frame(Version, 0, "")
	binary.BigEndian.PutUint32(huge[4:], 1<<31)
	for name, data := range map[string][]byte{
		"no frame":           []byte("GET / HTTP/1.0\r\n\r\n"),
		"cut header":         frame(Version, 0, "{}")[:5],
		"cut body":           frame(Version, 0, `{"op":"ok"}`)[:12],
		"other version":      frame(Version+1, 0, "{}"),
		"files that are not": frame(Version, 2, `{"streams":{"in":true,"out":true}}`),
		"huge":               huge,
		"no JSON":            frame(Version, 0, "{{{"),
		"wrong type":         frame(Version, 0, `{"op":[]}`),
		"streams, no files":  frame(Version, 0, `{"streams":{"in":true}}`),
	} {
		t.Run(name, func(t *testing.T) {
			c, other := pair(t)
			_, err := other.Write(data)
			require.NoError(t, err)
			require.NoError(t, other.CloseWrite())
			_, _, err = c.Receive()
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
}

// TestFilesOfMalformedMessagesAreClosed sends files that no message asks for.
func TestFilesOfMalformedMessagesAreClosed(t *testing.T) {
	c, other := pair(t)
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	before := openFiles(t)
	fds := []int{int(null.Fd()), int(null.Fd())}
	_, _, err = other.WriteMsgUnix(frame(Version, 2, `{"op":"ok"}`), unix.UnixRights(fds...), nil)
	require.NoError(t, err)
	_, _, err = c.Receive()
	require.ErrorIs(t, err, ErrMalformed)
	many := make([]int, 50)
	for i := range many {
		many[i] = int(null.Fd())
	}
	_, _, err = other.WriteMsgUnix(frame(Version, 50, `{}`), unix.UnixRights(many...), nil)
	require.NoError(t, err)
	_, _, err = c.Receive()
	require.ErrorIs(t, err, ErrMalformed)
	require.Equal(t, before, openFiles(t))
}

func TestErrors(t *testing.T) {
	require.Nil(t, Fail(nil))
	require.NoError(t, (*Error)(nil).Unwire())
	for _, err := range []error{
		vzcontract.ErrNotFound, vzcontract.ErrConflict, vzcontract.ErrNoSuchProgram, vzcontract.ErrCannotExec, ErrGone, context.Canceled,
	} {
		wrapped := errors.Join(err)
		got := Fail(wrapped).Unwire()
		require.ErrorIs(t, got, err)
		require.Equal(t, wrapped.Error(), got.Error())
	}
	require.Equal(t, vzcontract.CodeInternal, vzcontract.CodeOf(Fail(errors.New("odd")).Unwire()))
	require.ErrorIs(t, (&Error{Code: "new code"}).Unwire(), vzcontract.ErrInternal)
}

// TestLongPath listens below a directory whose path does not fit into an
// address.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 40))
	require.NoError(t, os.MkdirAll(dir, 0o700))
	path := filepath.Join(dir, "sock")
	for range 2 { // the second time over the rest of the first
		l, err := Listen(path)
		require.NoError(t, err)
		st, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), st.Mode().Perm())
		c, err := Dial(path)
		require.NoError(t, err)
		c.Close()
		l.Close()
	}
	_, err := Dial(path)
	require.Error(t, err)
	_, err = Dial("/no/such/directory/sock")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// FuzzReceive feeds a connection whatever a process could write to it.
func FuzzReceive(f *testing.F) {
	f.Add(frame(Version, 0, `{"seq":1,"op":"start","streams":{"in":true}}`), byte(1))
	f.Add(frame(Version, 1, `{"op":"exec","lock":true,"exec":{"args":["x"]},"size":{"rows":1}}`), byte(1))
	f.Add(append(frame(Version, 0, `{"op":"ok"}`), frame(Version, 0, `{}`)...), byte(0))
	f.Add([]byte("garbage"), byte(3))
	null, err := os.Open(os.DevNull)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, files byte) {
		if len(data) == 0 || len(data) > 64<<10 {
			return
		}
		c, other := pair(t)
		var oob []byte
		if n := int(files % 8); n > 0 {
			fds := make([]int, n)
			for i := range fds {
				fds[i] = int(null.Fd())
			}
			oob = unix.UnixRights(fds...)
		}
		if _, _, err := other.WriteMsgUnix(data, oob, nil); err != nil {
			t.Fatal(err)
		}
		if err := other.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		for {
			m, got, err := c.Receive()
			if err != nil {
				if len(got) > 0 || m != nil {
					t.Fatal("an error with a message or files")
				}
				return
			}
			if m.Files() != len(got) {
				t.Fatalf("%d files with a message for %d", len(got), m.Files())
			}
			closeAll(got)
		}
	})
}
