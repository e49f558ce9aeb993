//go:build linux || darwin

package agent_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent"
)

// serve runs an agent on a Unix socket and returns how to reach it.
func serve(t *testing.T) vzlinux.DialFunc { return serveUntil(t, nil) }

// serveUntil is serve with an agent whose guest can be shut down: its connections end
// before shutdown is called.
func serveUntil(t *testing.T, shutdown func()) vzlinux.DialFunc {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	a := &agent.Agent{Version: "test", Log: slog.New(slog.DiscardHandler)}
	if shutdown != nil {
		a.Shutdown = func(bool) error {
			cancel()
			shutdown()
			return nil
		}
	}
	go func() { ended <- a.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
	return func(ctx context.Context, _ uint32) (agentproto.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		return c.(*net.UnixConn), nil
	}
}

func connect(t *testing.T, dial vzlinux.DialFunc) *vzlinux.Agent {
	t.Helper()
	a, err := vzlinux.Connect(t.Context(), dial)
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestExecAndFiles(t *testing.T) {
	a := connect(t, serve(t))
	require.NoError(t, a.Ping(t.Context()))
	var out bytes.Buffer
	status, err := a.Run(t.Context(), vzlinux.Command{Args: []string{"sh", "-c", "cat; echo err >&2; exit 3"}, Stdin: strings.NewReader("in\n"), Stdout: &out, Stderr: &out})
	require.NoError(t, err)
	require.Equal(t, 3, status.Code)
	require.ElementsMatch(t, []string{"in", "err"}, strings.Fields(out.String()))

	path := filepath.Join(t.TempDir(), "f")
	write := agentproto.FileWriteRequest{Path: path, Mode: 0o640, UID: os.Getuid(), GID: os.Getgid()}
	require.NoError(t, a.WriteFile(t.Context(), strings.NewReader("content"), write))
	out.Reset()
	require.NoError(t, a.ReadFile(t.Context(), &out, agentproto.FileRequest{Path: path}))
	require.Equal(t, "content", out.String())

	require.ErrorIs(t, a.Call(t.Context(), "no.such", struct{}{}, nil), vzcontract.ErrUnsupported)
	require.ErrorIs(t, a.Call(t.Context(), agentproto.MethodExecStart, "text", nil), vzcontract.ErrValidation)
	require.ErrorIs(t, a.Shutdown(t.Context()), vzcontract.ErrUnsupported)
	require.ErrorIs(t, a.Call(t.Context(), agentproto.MethodTransferWait, agentproto.TransferID{ID: 9}, nil), vzcontract.ErrNotFound)
}

// TestShutdownOvertakesItsAnswer ends the guest before the answer is out.
func TestShutdownOvertakesItsAnswer(t *testing.T) {
	var a *vzlinux.Agent
	a = connect(t, serveUntil(t, func() { <-a.Done() }))
	require.NoError(t, a.Shutdown(t.Context()))
	require.ErrorIs(t, a.Shutdown(t.Context()), vzcontract.ErrUnavailable, "an agent that is gone agrees to nothing")
}

func TestIDsAreNotUsedTwice(t *testing.T) {
	a := connect(t, serve(t))
	req := agentproto.ExecRequest{ID: "x", Args: []string{"sleep", "1000"}}
	require.NoError(t, a.Call(t.Context(), agentproto.MethodExecStart, req, nil))
	require.ErrorIs(t, a.Call(t.Context(), agentproto.MethodExecStart, req, nil), vzcontract.ErrConflict)
	for _, bad := range []string{"", strings.Repeat("x", 129)} {
		req.ID = bad
		require.ErrorIs(t, a.Call(t.Context(), agentproto.MethodExecStart, req, nil), vzcontract.ErrValidation)
	}
	var status agentproto.ExecStatus
	require.NoError(t, a.Call(t.Context(), agentproto.MethodExecKill, agentproto.ExecID{ID: "x"}, nil))
	require.NoError(t, a.Call(t.Context(), agentproto.MethodExecWait, agentproto.ExecID{ID: "x"}, &status))
	require.Equal(t, agentproto.ExecStatus{Code: 137, Signal: 9}, status)
	require.ErrorIs(t, a.Call(t.Context(), agentproto.MethodExecWait, agentproto.ExecID{ID: "x"}, nil), vzcontract.ErrNotFound)
}

// TestHostileHost sends what no host should: that connection ends, the agent and
// others live.
func TestHostileHost(t *testing.T) {
	dial := serve(t)
	a := connect(t, dial)
	frame := func(s string) string {
		return string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
	}
	hello := frame(`{"min_revision":1,"max_revision":1}`)
	for name, in := range map[string]string{
		"nothing":           "",
		"half a head":       "ab",
		"too long":          "\xff\xff\xff\xff",
		"no hello":          frame("x"),
		"a long hello":      frame(strings.Repeat(" ", 65<<10)),
		"an old host":       frame(`{"min_revision":0,"max_revision":0}`),
		"no message":        hello + frame("[]"),
		"unknown token":     "VZS1" + strings.Repeat("x", 16),
		"half a token":      "VZS1xx",
		"deep JSON":         hello + frame(`{"id":1,"method":"ping","body":`+strings.Repeat("[", 100_000)+"}"),
		"requests, no wait": hello + strings.Repeat(frame(`{"id":1,"method":"exec.start","body":{"id":"y","args":["sleep","1000"]}}`), 3),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := dial(t.Context(), 0)
			require.NoError(t, err)
			_, err = io.WriteString(c, in)
			require.NoError(t, err)
			require.NoError(t, c.CloseWrite())
			_, _ = io.Copy(io.Discard, c)
			require.NoError(t, c.Close())
			require.NoError(t, a.Ping(t.Context()))
		})
	}
}
