package names

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// accept serves connections, up to a number at a time.
func (s *Server) accept(ctx context.Context) {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			if !pause(ctx) {
				return
			}
			continue
		}
		s.mu.Lock()
		if s.closed || len(s.conns) >= maxConnections {
			c.Close()
		} else {
			s.conns[c] = struct{}{}
			s.work.Go(func() { s.connection(ctx, c) })
		}
		s.mu.Unlock()
	}
}

// connection answers the questions of one connection, one after the other.
func (s *Server) connection(ctx context.Context, c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	for {
		_ = c.SetDeadline(time.Now().Add(idleTimeout))
		msg, err := readStream(c)
		if err != nil {
			return
		}
		q, ok := parse(msg)
		if !ok {
			return
		}
		answer := s.answer(q)
		if answer == nil {
			answer = s.ask(ctx, q, "tcp")
		}
		_ = c.SetDeadline(time.Now().Add(idleTimeout))
		if err := writeStream(c, answer); err != nil {
			return
		}
	}
}

// readStream reads a message with its length before it, as TCP has it.
func readStream(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, msg)
	return msg, err
}

func writeStream(w io.Writer, msg []byte) error {
	if len(msg) > maxMessage {
		return errors.New("the message is too long")
	}
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...))
	return err
}
