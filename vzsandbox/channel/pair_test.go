package channel

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// pair returns the two ends of a unix socket.
func pair(t testing.TB) (a, b *net.UnixConn) {
	t.Helper()
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
	l, err := net.ListenUnix("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.DialUnix("unix", nil, address); err != nil {
		t.Fatal(err)
	}
	if b, err = l.AcceptUnix(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = a.Close()
		_ = b.Close()
	})
	return a, b
}

// start serves handler and returns a client of it, and a channel that has what Serve
// returned.
func start[Req, Resp any](t testing.TB, handler func(context.Context, Req) (Resp, error), opts ...Option) (*Client[Req, Resp], <-chan error) {
	t.Helper()
	a, b := pair(t)
	ended := make(chan error, 1)
	go func() { ended <- Serve(context.Background(), b, handler, opts...) }()
	c := New[Req, Resp](a)
	t.Cleanup(func() { _ = c.Close() })
	return c, ended
}

// raw is a frame with any payload.
func raw(payload string) string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))) + payload
}

// readMessage returns the next message of a connection, which ends with the test.
func readMessage(t testing.TB, r *frameReader) message {
	t.Helper()
	payload, err := r.next()
	if err != nil {
		t.Fatal(err)
	}
	m, err := parseMessage(payload)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func write(t testing.TB, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
}

// wantErr fails the test unless err matches all of want.
func wantErr(t testing.TB, err error, want ...error) {
	t.Helper()
	for _, w := range want {
		if !errors.Is(err, w) {
			t.Fatalf("error = %v, want %v", err, w)
		}
	}
}

// checkGoroutines fails the test if goroutines of this package are left at its end.
func checkGoroutines(t testing.TB) {
	t.Helper()
	t.Cleanup(func() {
		deadline := time.Now().Add(10 * time.Second)
		for pause := time.Millisecond; ; pause *= 2 {
			left := ours()
			if len(left) == 0 {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("goroutines are left:\n%s", strings.Join(left, "\n\n"))
			}
			<-time.After(pause) // goroutines tell nobody when they are done
		}
	})
}

// ours returns the stacks of the goroutines that the package has made.
func ours() []string {
	buf := make([]byte, 1<<20)
	var left []string
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		_, by, _ := strings.Cut(stack, "created by ")
		if strings.Contains(stack, "vzsandbox/channel.(*") && !strings.HasPrefix(by, "testing.") {
			left = append(left, stack)
		}
	}
	return left
}
