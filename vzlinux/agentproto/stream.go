package agentproto

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"vz.internal/vzcontract"
)

// A Conn is a connection that can end its sending side alone.
type Conn interface {
	net.Conn
	CloseWrite() error
}

// streamMagic begins a stream. Read as a length it is beyond MaxFrame, so no
// control connection begins so.
var streamMagic = [4]byte{'V', 'Z', 'S', '1'}

// streamAccepted is the agent's answer to a token.
const streamAccepted = 'K'

// How long a token is good for, and how many may be open.
const (
	tokenTime = 30 * time.Second
	maxTokens = 4096
)

// IsStream tells whether a connection with these first bytes is a stream.
func IsStream(head [4]byte) bool { return head == streamMagic }

// OpenStream makes conn the stream of token and returns when the agent has
// accepted it. The caller closes conn on an error.
func OpenStream(ctx context.Context, conn net.Conn, token Token) error {
	err := limited(ctx, conn, handshakeTime, func() error {
		if _, err := conn.Write(append(streamMagic[:], token[:]...)); err != nil {
			return err
		}
		var answer [1]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return err
		}
		if answer[0] != streamAccepted {
			return fmt.Errorf("the agent answered %#x", answer[0])
		}
		return nil
	})
	if errors.Is(err, io.EOF) {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "open a stream: the agent does not know the token")
	}
	if err != nil {
		return fmt.Errorf("open a stream: %w", err)
	}
	return nil
}

// Streams are the agent's tokens that wait for their connections. The zero value
// is ready to use; methods are safe for concurrent use.
type Streams struct {
	mu    sync.Mutex
	waits map[Token]*wait // guarded by mu
}

type wait struct {
	use   func(Conn)
	gone  func()
	timer *time.Timer
}

// Issue returns a token for one stream. Exactly one of the two functions is called
// once: use with the connection, which it then owns, or gone when nobody came in
// time or Revoke was called.
func (s *Streams) Issue(use func(Conn), gone func()) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waits) >= maxTokens {
		return Token{}, vzcontract.Errorf(vzcontract.ErrUnavailable, "%d streams wait to be opened, no more are allowed", maxTokens)
	}
	if s.waits == nil {
		s.waits = map[Token]*wait{}
	}
	token := newToken()
	w := &wait{use: use, gone: gone}
	w.timer = time.AfterFunc(tokenTime, func() { s.Revoke(token) })
	s.waits[token] = w
	return token, nil
}

// Revoke makes a token that was not used yet useless.
func (s *Streams) Revoke(token Token) {
	if w := s.take(token); w != nil {
		w.gone()
	}
}

// Claim hands conn, whose first four bytes were those of a stream, to whom its
// token belongs, or closes it. It returns the error for the log only.
func (s *Streams) Claim(ctx context.Context, conn Conn) error {
	var token Token
	var w *wait
	err := limited(ctx, conn, handshakeTime, func() error {
		if _, err := io.ReadFull(conn, token[:]); err != nil {
			return err
		}
		if w = s.take(token); w == nil {
			return errors.New("unknown token")
		}
		_, err := conn.Write([]byte{streamAccepted})
		return err
	})
	switch {
	case err == nil:
		w.use(conn)
		return nil
	case w != nil:
		w.gone()
	}
	_ = conn.Close()
	return fmt.Errorf("claim a stream: %w", err)
}

func (s *Streams) take(token Token) *wait {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.waits[token]
	if w != nil {
		delete(s.waits, token)
		w.timer.Stop()
	}
	return w
}

// ReadHead returns the first four bytes of a connection.
func ReadHead(ctx context.Context, conn net.Conn) (head [4]byte, err error) {
	err = limited(ctx, conn, handshakeTime, func() error {
		_, err := io.ReadFull(conn, head[:])
		return err
	})
	return head, err
}
