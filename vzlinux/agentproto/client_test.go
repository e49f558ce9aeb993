package agentproto

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func TestCallsInAnyOrder(t *testing.T) {
	const calls = 50
	var all sync.WaitGroup
	all.Add(calls)
	c, _ := serve(t, func(_ context.Context, method string, body json.RawMessage) (any, error) {
		all.Done()
		all.Wait() // no call ends before all have begun
		var n int
		err := json.Unmarshal(body, &n)
		return method + fmt.Sprint(n), err
	})
	var wait sync.WaitGroup
	for i := range calls {
		wait.Go(func() {
			var got string
			if err := c.Call(t.Context(), "m", i, &got); err != nil || got != fmt.Sprintf("m%d", i) {
				t.Errorf("Call %d = %q, %v", i, got, err)
			}
		})
	}
	wait.Wait()
}

func TestCallErrors(t *testing.T) {
	failures := []error{
		vzcontract.ErrValidation, vzcontract.ErrNotFound, vzcontract.ErrConflict, vzcontract.ErrDenied, vzcontract.ErrTimeout,
		vzcontract.ErrUnavailable, vzcontract.ErrUnsupported, vzcontract.ErrInternal, vzcontract.ErrNoSuchProgram, vzcontract.ErrCannotExec, vzcontract.ErrRefused,
	}
	c, _ := serve(t, func(_ context.Context, _ string, body json.RawMessage) (any, error) {
		var n int
		_ = json.Unmarshal(body, &n)
		return nil, vzcontract.Errorf(failures[n], "step %d", n)
	})
	for i, want := range failures {
		err := c.Call(t.Context(), "m", i, nil)
		require.ErrorIs(t, err, want)
		require.EqualError(t, err, fmt.Sprintf("step %d", i))
		require.Equal(t, vzcontract.CodeOf(want), vzcontract.CodeOf(err))
	}
	require.NotErrorIs(t, c.Call(t.Context(), "m", 0, nil), vzcontract.ErrNoSuchProgram)
}

func TestCallIsCancelled(t *testing.T) {
	begun, cancelled := make(chan struct{}), make(chan struct{})
	c, _ := serve(t, func(ctx context.Context, method string, _ json.RawMessage) (any, error) {
		if method == "wait" {
			close(begun)
			<-ctx.Done()
			close(cancelled)
		}
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	require.ErrorIs(t, c.Call(ctx, "wait", nil, nil), context.Canceled)
	<-cancelled
	require.NoError(t, c.Call(t.Context(), "other", nil, nil))
}

func TestConnectionEndsUnderACall(t *testing.T) {
	begun := make(chan struct{})
	c, ended := serve(t, func(ctx context.Context, _ string, _ json.RawMessage) (any, error) {
		close(begun)
		<-ctx.Done()
		return nil, nil
	})
	go func() {
		<-begun
		_ = c.Close()
	}()
	require.ErrorIs(t, c.Call(t.Context(), "m", nil, nil), vzcontract.ErrUnavailable)
	<-ended // the handler was cancelled, or Run would not return
	<-c.Done()
	require.ErrorIs(t, c.Call(t.Context(), "m", nil, nil), vzcontract.ErrUnavailable)
}

// TestHostileAgent has an agent answer with what no agent should.
func TestHostileAgent(t *testing.T) {
	tests := []struct{ name, answer string }{
		{"no JSON", "\x03\x00\x00\x00abc"},
		{"a request", frame(`{"id":1,"method":"ping"}`)},
		{"a cancellation", frame(`{"id":1,"cancel":true}`)},
		{"too long", "\xff\xff\xff\xff"},
		{"half a frame", "\x10\x00\x00\x00{"},
		{"nothing", ""},
		{"a body of another type", frame(`{"id":1,"body":{"a":1}}`)},
		{"no body", frame(`{"id":1}`)},
		{"answers for nobody", frame(`{"id":7,"body":1}`) + frame(`{"id":7,"body":1}`)},
		{"the answer twice", frame(`{"id":1,"error":{"code":"x","message":"y"}}`) + frame(`{"id":1,"body":"a"}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host, guest := pair(t)
			go func() {
				head, _ := ReadHead(t.Context(), guest)
				_, _ = Accept(t.Context(), guest, head, ours)
				_, _ = ReadFrame(guest, MaxFrame)
				_, _ = guest.Write([]byte(tt.answer))
				_ = guest.CloseWrite()
			}()
			c, err := NewClient(t.Context(), host, ours)
			require.NoError(t, err)
			var out string
			require.Error(t, c.Call(t.Context(), "m", nil, &out))
			require.Empty(t, out)
			<-c.Done()
		})
	}
}

func TestHandshakeFails(t *testing.T) {
	tests := []struct{ name, hello, message string }{
		{"old agent", frame(`{"min_revision":0,"max_revision":0}`), "no protocol revision"},
		{"newer agent", frame(`{"min_revision":99,"max_revision":99,"version":"9"}`), "update vz on the host"},
		{"no JSON", frame(`hello`), "parse hello"},
		{"too long", "\x00\x00\x10\x00", "too long"},
		{"end", "", "EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			host, guest := pair(t)
			_, err := guest.Write([]byte(tt.hello))
			require.NoError(t, err)
			require.NoError(t, guest.CloseWrite())
			_, err = NewClient(t.Context(), host, ours)
			require.ErrorContains(t, err, tt.message)
			_, err = host.Write(nil)
			require.ErrorIs(t, err, net.ErrClosed)
		})
	}
}

func TestHandshakeEndsWithContext(t *testing.T) {
	host, _ := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := NewClient(ctx, host, ours)
	require.ErrorIs(t, err, context.Canceled)
}
