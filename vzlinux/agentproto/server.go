package agentproto

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"vz.internal/vzcontract"
)

// How much of one connection's work is under way at once. The server reads no
// further request until the oldest work is done.
const (
	maxRequests     = 256
	maxRequestBytes = 4 * MaxFrame
)

// A Handler does the requests of one control connection. Serve is called
// concurrently; ctx ends with the request's cancellation or the connection. The
// result is encoded as JSON.
type Handler interface {
	Serve(ctx context.Context, method string, body json.RawMessage) (any, error)
}

// An Ender is a Handler that is told as soon as the connection has ended, before
// the requests under way have.
type Ender interface{ Ended() }

// A Server is the agent's side of one control connection.
type Server struct {
	conn    net.Conn
	handler Handler

	writeMu sync.Mutex // held while a frame is written

	mu      sync.Mutex
	cond    *sync.Cond
	running map[uint64]context.CancelFunc // guarded by mu
	bytes   int                           // guarded by mu: bodies of running requests
}

// Accept shakes hands on conn, whose first four bytes were read as head. The
// caller closes conn on an error.
func Accept(ctx context.Context, conn net.Conn, head [4]byte, hello Hello) (*Server, error) {
	var host Hello
	err := limited(ctx, conn, handshakeTime, func() error {
		payload, err := readPayload(conn, head, handshakeSize)
		if err != nil {
			return err
		}
		if host, err = parseHello(payload); err != nil {
			return err
		}
		return sendHello(conn, hello)
	})
	if err != nil {
		return nil, fmt.Errorf("shake hands with the host: %w", err)
	}
	if _, err := Negotiate(host, hello); err != nil {
		return nil, err
	}
	s := &Server{conn: conn, running: map[uint64]context.CancelFunc{}}
	s.cond = sync.NewCond(&s.mu)
	return s, nil
}

// Run serves requests until the connection or ctx ends, then cancels what runs,
// waits for it and returns why. It closes the connection.
func (s *Server) Run(ctx context.Context, handler Handler) error {
	s.handler = handler
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	var work sync.WaitGroup
	err := s.read(ctx, &work)
	if e, ok := handler.(Ender); ok {
		e.Ended()
	}
	cancel()
	stop()
	_ = s.conn.Close()
	work.Wait()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (s *Server) read(ctx context.Context, work *sync.WaitGroup) error {
	for {
		payload, err := ReadFrame(s.conn, MaxFrame)
		if err != nil {
			return err
		}
		m, err := parseMessage(payload)
		if err != nil {
			return err
		}
		switch {
		case m.Cancel:
			s.cancel(m.ID)
		case m.Method == "":
			return fmt.Errorf("message %d is no request", m.ID)
		default:
			if err := s.start(ctx, work, m); err != nil {
				return err
			}
		}
	}
}

func (s *Server) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.running[id]; cancel != nil {
		cancel()
	}
}

func (s *Server) start(ctx context.Context, work *sync.WaitGroup, m message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A cancellation must get through while requests wait for each other, so a
	// full server refuses instead of waiting; only bytes make it wait.
	if len(s.running) >= maxRequests {
		refused := vzcontract.Errorf(vzcontract.ErrUnavailable, "%d requests are under way, no more are allowed", maxRequests)
		return s.answer(m.ID, nil, refused)
	}
	for s.bytes > 0 && s.bytes+len(m.Body) > maxRequestBytes && ctx.Err() == nil {
		s.cond.Wait()
	}
	if s.running[m.ID] != nil {
		return fmt.Errorf("the id %d of a request is in use", m.ID)
	}
	ctx, cancel := context.WithCancel(ctx)
	s.running[m.ID] = cancel
	s.bytes += len(m.Body)
	work.Go(func() {
		out, err := s.handler.Serve(ctx, m.Method, m.Body)
		cancel()
		s.mu.Lock()
		delete(s.running, m.ID)
		s.bytes -= len(m.Body)
		s.cond.Broadcast()
		s.mu.Unlock()
		if s.answer(m.ID, out, err) != nil {
			_ = s.conn.Close()
		}
	})
	return nil
}

func (s *Server) answer(id uint64, out any, failure error) error {
	m := message{ID: id}
	if failure == nil {
		body, err := json.Marshal(out)
		if err == nil && len(body) > MaxFrame-1024 {
			err = vzcontract.Errorf(vzcontract.ErrInternal, "the answer of %d bytes does not fit into a frame", len(body))
		}
		m.Body, failure = body, err
	}
	if failure != nil {
		m.Body, m.Error = nil, wireError(failure)
	}
	payload, err := json.Marshal(m)
	if err != nil {
		return err
	}
	s.writeMu.Lock()
	defer s.writeMu.Unlock()
	return WriteFrame(s.conn, payload)
}

func wireError(err error) *Error {
	code := vzcontract.CodeOf(err)
	if errors.Is(err, context.DeadlineExceeded) {
		code = vzcontract.CodeTimeout
	}
	wire := &Error{Code: code, Message: err.Error()}
	if typed := new(vzcontract.Error); errors.As(err, &typed) {
		wire.Op, wire.Kind, wire.Name = typed.Op, typed.Kind, typed.Name
	}
	switch {
	case errors.Is(err, vzcontract.ErrNoSuchProgram):
		wire.Exec = execNotFound
	case errors.Is(err, vzcontract.ErrCannotExec):
		wire.Exec = execCannot
	case errors.Is(err, vzcontract.ErrRefused):
		wire.Exec = dialRefused
	}
	return wire
}
