package monitor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/ocispec"
	"vz.internal/vzlinuxnative/internal/signame"
	"vz.internal/vzlinuxnative/internal/stream"
	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/network"
)

// A session is a further program in the container.
type session struct {
	id      string
	p       engine.Process
	streams *stream.Set
	client  *stream.Client
	ended   chan struct{} // closed when exit and err are set
	exit    vzcontract.ExitStatus
	err     error
}

// exec starts a program and serves its client until both are done.
func (m *monitor) exec(q *request) {
	m.work.Add(1)
	defer m.work.Done()
	defer q.conn.Close()
	s, err := m.startExec(q)
	if err != nil {
		q.files.Close()
		answer(q.conn, q.msg, err)
		return
	}
	go m.superviseExec(s, q.msg.Exec.Timeout)
	_ = q.conn.Send(&wire.Message{Seq: q.msg.Seq, Op: wire.OK, ID: s.id}) // the program runs, whoever is there
	gone := make(chan bool, 1)
	go func() { gone <- m.controlExec(q.conn, s) }()
	select {
	case <-s.ended:
	case detached := <-gone:
		if detached || q.msg.Exec.TTY {
			s.client.Leave()
		}
		<-s.ended
	}
	s.client.Done()
	s.client.Leave()
	_ = q.conn.Send(&wire.Message{Op: wire.Ended, Exit: &s.exit, Err: wire.Fail(s.err)}) // a client that left knows enough
}

func (m *monitor) startExec(q *request) (*session, error) {
	cfg := q.msg.Exec
	r, err := m.runningRun()
	if err != nil {
		return nil, err
	}
	if cfg == nil || len(cfg.Args) == 0 {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "no command given")
	}
	if r.net.held {
		with := r.cfg
		with.Security.Privileged = with.Security.Privileged || cfg.Privileged
		if err := network.CanHold(&with); err != nil {
			return nil, err
		}
	}
	spec, err := ocispec.Exec(r.spec, fmt.Sprintf("/proc/%d/root", r.c.PID()), *cfg)
	if err != nil {
		return nil, err
	}
	s := &session{id: newID(), ended: make(chan struct{})}
	streams, stdio, err := stream.New(cfg.TTY, q.files.In != nil, stream.Logs{})
	if err != nil {
		return nil, err
	}
	s.streams = streams
	streams.PassOn() // there is no log
	m.event("exec_create", map[string]string{"execID": s.id})
	s.p, err = r.c.Exec(context.Background(), engine.ExecRequest{ID: s.id[:16], Process: spec, Stdio: stdio})
	if err != nil {
		streams.Abort()
		return nil, err
	}
	m.event("exec_start", map[string]string{"execID": s.id})
	if console := s.p.Console(); console != nil {
		err = streams.SetConsole(console)
	}
	if err == nil {
		s.client, err = streams.Attach(q.files, true)
	}
	if err != nil {
		_ = s.p.Kill(context.Background())
		_, _ = s.p.Wait()
		streams.Abort()
		return nil, err
	}
	streams.Begin()
	return s, nil
}

// runningRun returns the present run if programs can be started in it.
func (m *monitor) runningRun() (*run, error) {
	r, err := m.await()
	if err != nil {
		return nil, err
	}
	state := vzcontract.StateStopped
	if r != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.reaped && !r.paused {
			return r, nil
		}
		if r.paused {
			state = vzcontract.StatePaused
		}
	}
	return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container is %s, not running", state)
}

// superviseExec waits for the end of a session.
func (m *monitor) superviseExec(s *session, timeout time.Duration) {
	late := make(chan struct{})
	if timeout > 0 {
		timer := time.AfterFunc(timeout, func() {
			close(late)
			_ = s.p.Kill(context.Background()) // it may just have ended
		})
		defer timer.Stop()
	}
	ws, err := s.p.Wait()
	s.exit, s.err = statusOf(ws), err
	select {
	case <-late:
		s.err = vzcontract.Errorf(vzcontract.ErrTimeout, "exec: still running after %s: killed", timeout)
	default:
	}
	s.streams.End()
	m.event("exec_die", map[string]string{"execID": s.id, "exitCode": fmt.Sprint(s.exit.Code)})
	close(s.ended)
}

// controlExec answers the client of a session; it returns as control does.
func (m *monitor) controlExec(conn *wire.Conn, s *session) bool {
	for {
		msg, files, err := conn.Receive()
		if err != nil {
			return false
		}
		newRequest(conn, msg, files).files.Close()
		switch msg.Op {
		case wire.Detach:
			s.client.Leave()
			answer(conn, msg, nil)
			return true
		case wire.Resize:
			if msg.Size == nil {
				msg.Size = new(vzcontract.TermSize)
			}
			answer(conn, msg, s.streams.Resize(*msg.Size))
		case wire.Kill:
			answer(conn, msg, s.signal(msg.Signal))
		case wire.Cancel:
			answer(conn, msg, s.p.Kill(context.Background()))
		default:
			answer(conn, msg, vzcontract.Errorf(vzcontract.ErrUnsupported, "an exec knows no request %q", msg.Op))
		}
	}
}

func (s *session) signal(name string) error {
	if name == "" {
		name = "KILL"
	}
	sig, err := signame.Parse(name)
	if err != nil {
		return err
	}
	select {
	case <-s.ended:
		return vzcontract.Errorf(vzcontract.ErrConflict, "signal %s: the exec has ended", name)
	default:
	}
	return unix.Kill(s.p.PID(), sig)
}

func newID() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
