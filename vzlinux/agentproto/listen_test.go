package agentproto

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// socket returns a listener that ends with the test, and how to reach it.
func socket(t *testing.T) (net.Listener, func(context.Context) (Conn, error)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l, func(ctx context.Context) (Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		return c.(Conn), nil
	}
}

// TestForward: each way has an end of its own, and the context ends both.
func TestForward(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	far, dialFar := socket(t)
	near, dial := socket(t)
	go Forward(ctx, near, dialFar)

	a, err := dial(ctx)
	require.NoError(t, err)
	b, err := far.Accept()
	require.NoError(t, err)
	_, err = a.Write([]byte("question"))
	require.NoError(t, err)
	require.NoError(t, a.CloseWrite())
	text, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, "question", string(text))
	_, err = b.Write([]byte("answer"))
	require.NoError(t, err)
	require.NoError(t, b.Close())
	text, err = io.ReadAll(a)
	require.NoError(t, err)
	require.Equal(t, "answer", string(text))

	a, err = dial(ctx)
	require.NoError(t, err)
	b, err = far.Accept()
	require.NoError(t, err)
	cancel()
	for _, c := range []net.Conn{a, b} {
		_, err = io.ReadAll(c)
		require.NoError(t, err)
	}
}

// TestForwardToNobody: who cannot be connected is told by the end.
func TestForwardToNobody(t *testing.T) {
	near, dial := socket(t)
	go Forward(t.Context(), near, func(context.Context) (Conn, error) { return nil, errors.New("nobody") })
	a, err := dial(t.Context())
	require.NoError(t, err)
	text, err := io.ReadAll(a)
	require.NoError(t, err)
	require.Empty(t, text)
}

// A scarce listener has no descriptor for the first connection at first.
type scarce struct {
	net.Listener
	failed atomic.Bool
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.failed.CompareAndSwap(false, true) {
		return nil, &net.OpError{Op: "accept", Net: "unix", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return s.Listener.Accept()
}

// TestScarce: a lack of descriptors, which many clients can bring about, ends nothing.
func TestScarce(t *testing.T) {
	far, dialFar := socket(t)
	near, dial := socket(t)
	go Forward(t.Context(), &scarce{Listener: near}, dialFar)
	a, err := dial(t.Context())
	require.NoError(t, err)
	defer a.Close()
	require.NoError(t, far.(*net.UnixListener).SetDeadline(time.Now().Add(10*time.Second)))
	b, err := far.Accept()
	require.NoError(t, err)
	require.NoError(t, b.Close())
}
