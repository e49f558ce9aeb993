package agentproto

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

func frame(payload string) string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))) + payload
}

// TestHostileHost sends what no host should: the connection ends, the agent not.
func TestHostileHost(t *testing.T) {
	tests := []struct{ name, in string }{
		{"no JSON", frame("x")},
		{"an answer", frame(`{"id":1,"body":1}`)},
		{"both", frame(`{"id":1,"method":"m","cancel":true}`)},
		{"an id in use", frame(`{"id":1,"method":"m"}`) + frame(`{"id":1,"method":"m"}`)},
		{"too long", "\xff\xff\xff\xff"},
		{"half a frame", "\x10\x00\x00\x00{"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, ended := serve(t, func(ctx context.Context, _ string, _ json.RawMessage) (any, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
			_, err := c.conn.Write([]byte(tt.in))
			require.NoError(t, err)
			_ = c.conn.(Conn).CloseWrite() // the agent may have ended the connection by now
			require.Error(t, <-ended)
			<-c.Done()
		})
	}
}

func TestTooManyRequests(t *testing.T) {
	c, _ := serve(t, func(ctx context.Context, method string, _ json.RawMessage) (any, error) {
		if method == "wait" {
			<-ctx.Done()
		}
		return nil, nil
	})
	// Sent by hand and in order, so that the limit is reached for certain.
	c.mu.Lock()
	c.next = maxRequests
	c.mu.Unlock()
	for i := range maxRequests {
		require.NoError(t, c.send(message{ID: uint64(i + 1), Method: "wait"}))
	}
	require.ErrorIs(t, c.Call(t.Context(), "ping", nil, nil), vzcontract.ErrUnavailable)
	// Cancelled requests make room, though only when the agent gets to it.
	answer := make(chan message, 1)
	c.mu.Lock()
	c.waiting[1] = answer
	c.mu.Unlock()
	require.NoError(t, c.send(message{ID: 1, Cancel: true}))
	<-answer
	require.NoError(t, c.Call(t.Context(), "ping", nil, nil))
}

func TestAnswerTooLong(t *testing.T) {
	c, _ := serve(t, func(_ context.Context, method string, _ json.RawMessage) (any, error) {
		if method == "long" {
			return make([]byte, MaxFrame), nil
		}
		return func() {}, nil // cannot be encoded
	})
	require.ErrorContains(t, c.Call(t.Context(), "long", nil, nil), "does not fit")
	require.ErrorIs(t, c.Call(t.Context(), "odd", nil, nil), vzcontract.ErrInternal)
	require.ErrorIs(t, c.Call(t.Context(), "m", make([]byte, MaxFrame), nil), vzcontract.ErrValidation)
	require.ErrorContains(t, c.Call(t.Context(), "long", nil, nil), "does not fit", "the connection goes on")
}
