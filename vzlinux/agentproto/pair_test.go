package agentproto

import (
	"context"
	"encoding/json"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pair returns the two ends of a connection with half-close and buffers.
func pair(t *testing.T) (host, guest *net.UnixConn) {
	t.Helper()
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"}
	l, err := net.ListenUnix("unix", address)
	require.NoError(t, err)
	defer l.Close()
	host, err = net.DialUnix("unix", nil, address)
	require.NoError(t, err)
	guest, err = l.AcceptUnix()
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = host.Close()
		_ = guest.Close()
	})
	return host, guest
}

var ours = Hello{MinRevision: MinRevision, MaxRevision: MaxRevision, Version: "test"}

type handlerFunc func(ctx context.Context, method string, body json.RawMessage) (any, error)

func (f handlerFunc) Serve(ctx context.Context, method string, body json.RawMessage) (any, error) {
	return f(ctx, method, body)
}

// serve runs an agent with handler and returns a client of it, and a channel that
// has what Run returned.
func serve(t *testing.T, handler handlerFunc) (*Client, <-chan error) {
	t.Helper()
	host, guest := pair(t)
	ended := make(chan error, 1)
	go func() {
		head, err := ReadHead(t.Context(), guest)
		if err == nil {
			var s *Server
			if s, err = Accept(t.Context(), guest, head, ours); err == nil {
				err = s.Run(t.Context(), handler)
			}
		}
		ended <- err
	}()
	c, err := NewClient(t.Context(), host, ours)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c, ended
}
