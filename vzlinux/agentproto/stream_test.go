package agentproto

import (
	"encoding/json"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

// claim does what an agent does with a connection.
func claim(t *testing.T, s *Streams, guest *net.UnixConn) error {
	head, err := ReadHead(t.Context(), guest)
	if err != nil {
		return err
	}
	require.True(t, IsStream(head))
	return s.Claim(t.Context(), guest)
}

func TestStreamCarriesBytesBothWays(t *testing.T) {
	var s Streams
	token, err := s.Issue(func(c Conn) {
		got, _ := io.ReadAll(c)
		_, _ = c.Write(append([]byte("got "), got...))
		_ = c.Close()
	}, func() { t.Error("gone was called") })
	require.NoError(t, err)

	wire, err := json.Marshal(token)
	require.NoError(t, err)
	var sent Token
	require.NoError(t, json.Unmarshal(wire, &sent))

	host, guest := pair(t)
	done := make(chan error, 1)
	go func() { done <- claim(t, &s, guest) }()
	require.NoError(t, OpenStream(t.Context(), host, sent))
	_, err = host.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, host.CloseWrite())
	got, err := io.ReadAll(host)
	require.NoError(t, err)
	require.Equal(t, "got hello", string(got))
	require.NoError(t, <-done)

	// A second connection with the same token gets nothing.
	host, guest = pair(t)
	go func() { done <- claim(t, &s, guest) }()
	require.ErrorIs(t, OpenStream(t.Context(), host, sent), vzcontract.ErrNotFound)
	require.Error(t, <-done)
}

func TestOneTokenManyClaims(t *testing.T) {
	var s Streams
	uses := make(chan Conn, 20)
	token, err := s.Issue(func(c Conn) { uses <- c }, func() {})
	require.NoError(t, err)
	var wait sync.WaitGroup
	for range 20 {
		host, guest := pair(t)
		wait.Go(func() { _ = claim(t, &s, guest) })
		wait.Go(func() { _ = OpenStream(t.Context(), host, token) })
	}
	wait.Wait()
	require.Len(t, uses, 1)
}

func TestTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Streams
		gone := make(chan struct{})
		token, err := s.Issue(func(Conn) { t.Error("use was called") }, func() { close(gone) })
		require.NoError(t, err)
		<-gone
		s.Revoke(token)
		require.Nil(t, s.take(token))
	})
}

func TestTokensAreBounded(t *testing.T) {
	var s Streams
	tokens := map[Token]bool{}
	gone := 0
	for range maxTokens {
		token, err := s.Issue(func(Conn) {}, func() { gone++ })
		require.NoError(t, err)
		tokens[token] = true
	}
	require.Len(t, tokens, maxTokens)
	_, err := s.Issue(func(Conn) {}, func() {})
	require.ErrorIs(t, err, vzcontract.ErrUnavailable)
	for token := range tokens {
		s.Revoke(token)
	}
	require.Equal(t, maxTokens, gone)
	require.Empty(t, s.waits)
}

func TestOpenStreamOfAHostileAgent(t *testing.T) {
	host, guest := pair(t)
	_, err := guest.Write([]byte("N"))
	require.NoError(t, err)
	require.ErrorContains(t, OpenStream(t.Context(), host, Token{}), "answered 0x4e")
}

func TestTokenText(t *testing.T) {
	for _, in := range []string{`""`, `"00"`, `"zz000000000000000000000000000000"`, `"000000000000000000000000000000000000"`, `7`} {
		var token Token
		require.Error(t, json.Unmarshal([]byte(in), &token), in)
	}
}
