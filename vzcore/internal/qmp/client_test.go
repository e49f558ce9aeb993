//go:build linux || darwin

package qmp

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// start returns a client of a QEMU that answers each command as reply says.
func start(t *testing.T, reply func(command string, id uint64) string) (*Client, net.Conn) {
	t.Helper()
	address := &net.UnixAddr{Name: filepath.Join(t.TempDir(), "q"), Net: "unix"}
	l, err := net.ListenUnix("unix", address)
	require.NoError(t, err)
	defer l.Close()
	conn, err := net.DialUnix("unix", nil, address)
	require.NoError(t, err)
	peer, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = peer.Close() })
	go func() {
		fmt.Fprintln(peer, `{"QMP": {"version": {}, "capabilities": []}}`)
		lines := bufio.NewScanner(peer)
		for lines.Scan() {
			var m struct {
				Execute string `json:"execute"`
				ID      uint64 `json:"id"`
			}
			_ = json.Unmarshal(lines.Bytes(), &m)
			if m.Execute == "qmp_capabilities" {
				fmt.Fprintf(peer, `{"return": {}, "id": %d}`+"\n", m.ID)
				continue
			}
			_, _ = io.WriteString(peer, reply(m.Execute, m.ID))
		}
	}()
	c, err := New(t.Context(), conn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c, peer
}

func TestCommands(t *testing.T) {
	c, _ := start(t, func(command string, id uint64) string {
		if command == "bad" {
			return fmt.Sprintf(`{"error": {"class": "GenericError", "desc": "no"}, "id": %d}`+"\n", id)
		}
		return fmt.Sprintf(`{"event": "SOME", "data": {"n": %d}}`+"\n"+`{"return": {"id": %d}, "id": %d}`+"\n", id, id, id)
	})
	events, stop := c.Watch("SOME")
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			var out struct{ ID uint64 }
			if err := c.Do(t.Context(), "query", map[string]int{"a": 1}, &out); err != nil || out.ID == 0 {
				t.Errorf("Do = %v, %v", out, err)
			}
		})
	}
	wait.Wait()
	require.Equal(t, "SOME", (<-events).Name)
	stop()
	var refused *Error
	require.True(t, errors.As(c.Do(t.Context(), "bad", nil, nil), &refused))
	require.Equal(t, "qemu: bad: no", refused.Error())
}

func TestBrokenPeer(t *testing.T) {
	for _, answer := range []string{"no json\n", "{\n", string(make([]byte, 100)) + "\n", `{"id": "text"}` + "\n"} {
		c, _ := start(t, func(string, uint64) string { return answer })
		require.ErrorContains(t, c.Do(t.Context(), "query", nil, nil), "the connection has ended")
		<-c.Done()
		require.Error(t, c.Do(t.Context(), "query", nil, nil))
	}
}

func TestAnswerThatDoesNotCome(t *testing.T) {
	c, peer := start(t, func(string, uint64) string { return `{"return": {}, "id": 99}` + "\n" })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, c.Do(ctx, "query", nil, nil), context.Canceled)
	_ = peer.Close()
	<-c.Done()
	require.ErrorIs(t, c.Do(t.Context(), "query", nil, nil), io.ErrUnexpectedEOF)
}
