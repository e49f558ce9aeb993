package agent

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"sync/atomic"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/process"
)

// A session is the work of one control connection.
type session struct {
	agent       *Agent
	processes   process.Table
	attachments attachments
	methods     map[string]Method
	conn        net.Conn
	ended       atomic.Bool
	done        chan struct{} // closed when all that it started has ended
}

// A Method does one kind of request. What it returns is encoded as JSON.
type Method func(ctx context.Context, body json.RawMessage) (any, error)

// typed makes a method of a function with a request and an answer of its own.
func typed[In, Out any](do func(context.Context, In) (Out, error)) Method {
	return func(ctx context.Context, body json.RawMessage) (any, error) {
		var in In
		if len(body) > 0 {
			if err := json.Unmarshal(body, &in); err != nil {
				return nil, vzcontract.Errorf(vzcontract.ErrValidation, "parse the request: %v", err)
			}
		}
		return do(ctx, in)
	}
}

// plain makes a method of a function without an answer.
func plain[In any](do func(context.Context, In) error) Method {
	return typed(func(ctx context.Context, in In) (none, error) { return none{}, do(ctx, in) })
}

type none struct{}

func newSession(a *Agent, conn net.Conn) *session {
	s := &session{agent: a, conn: conn, done: make(chan struct{}), methods: map[string]Method{
		agentproto.MethodPing: plain(func(context.Context, none) error { return nil }),
	}}
	s.addExec()
	s.addFiles()
	s.addSystem()
	s.addContainers()
	maps.Copy(s.methods, a.Replace)
	return s
}

// Serve implements agentproto.Handler.
func (s *session) Serve(ctx context.Context, name string, body json.RawMessage) (any, error) {
	do := s.methods[name]
	if do == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the guest agent %s does not know the request %q", s.agent.Version, name)
	}
	return do(ctx, body)
}

// Ended implements agentproto.Ender.
func (s *session) Ended() { s.ended.Store(true) }

// hungUp tells whether the host has closed the connection, also if that was not
// noticed yet.
func (s *session) hungUp() bool {
	c, ok := s.conn.(interface{ HungUp() bool })
	return s.ended.Load() || ok && c.HungUp()
}
