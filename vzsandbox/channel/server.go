package channel

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"

	"vz.internal/vzcontract"
)

// A server is the part of [Serve] that knows no types.
type server struct {
	conn net.Conn
	cfg  config
	do   func(ctx context.Context, body json.RawMessage) (any, error)
	out  *outbox
	pool sync.WaitGroup // workers
	idle chan *job      // to a worker that waits for one

	mu   sync.Mutex
	jobs map[uint64]*job // guarded by mu
	used int             // guarded by mu: slots of the window
	rest int             // guarded by mu: workers that wait
}

// A job is a request until its answer leaves.
type job struct {
	ctx    context.Context // a parameter of the worker that does the job
	cancel context.CancelFunc
	id     uint64
	body   json.RawMessage
	cost   int
}

func newServer(conn net.Conn, cfg config, do func(context.Context, json.RawMessage) (any, error)) *server {
	return &server{conn: conn, cfg: cfg, do: do, out: newOutbox(), idle: make(chan *job), jobs: map[uint64]*job{}}
}

func (s *server) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	var sender sync.WaitGroup
	sender.Go(func() {
		if err := s.out.send(s.conn, ctx.Done(), s.leaves); err != nil {
			cancel(ending(endOf(err, false)))
		}
	})
	s.out.put(letter{frame: helloFrame(s.cfg.window)})
	err := s.read(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx) // reading failed because of it
	}
	cancel(err)
	stop()
	_ = s.conn.Close()
	s.pool.Wait()
	sender.Wait()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// ending is what Serve returns when the connection has failed with err; io.EOF stays.
func ending(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, ErrProtocol) {
		return err
	}
	return vzcontract.Errorf(vzcontract.ErrUnavailable, "serve: %w", broken(err))
}

// read starts jobs and cancels them until the connection ends.
func (s *server) read(ctx context.Context) error {
	frames := newFrameReader(s.conn)
	for {
		payload, err := frames.next()
		if err != nil {
			return ending(err)
		}
		m, err := parseMessage(payload)
		if err != nil {
			return err
		}
		switch m.Kind {
		case kindRequest:
			if err := s.start(ctx, m); err != nil {
				return err
			}
		case kindCancel:
			s.cancel(m.ID)
		default:
			return violation("a %s of the calling side is out of place", m.Kind)
		}
	}
}

func (s *server) start(ctx context.Context, m message) error {
	cost := slots(len(m.Body), s.cfg.window)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs[m.ID] != nil {
		return violation("the id %d of a request is in use", m.ID)
	}
	if s.used+cost > s.cfg.window {
		return violation("request %d takes %d slots of the window, %d of %d are in use", m.ID, cost, s.used, s.cfg.window)
	}
	j := &job{id: m.ID, body: m.Body, cost: cost}
	j.ctx, j.cancel = context.WithCancel(ctx)
	s.jobs[j.id] = j
	s.used += cost
	select {
	case s.idle <- j:
	default:
		s.pool.Go(func() { s.work(ctx, j) })
	}
	return nil
}

// cancel ends the context of a job. One that is not there has been answered while the
// cancellation was on its way.
func (s *server) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		j.cancel()
	}
}

// leaves gives up the slots of a job whose answer is being sent: the other side may
// use them, and the id, once it has it.
func (s *server) leaves(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		s.used -= j.cost
		delete(s.jobs, id)
	}
}
