package vzlinuxnative

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/wire"
)

// An attachment is a connection to the streams of a run or an exec.
type attachment struct {
	conn  *wire.Conn
	id    string // of an exec
	pumps *pumps
	done  chan struct{} // closed when the end is known
	lost  chan struct{} // closed when the first output is lost

	mu      sync.Mutex
	seq     int                          // guarded by mu
	waiting map[int]chan<- *wire.Message // guarded by mu
	closed  bool                         // by us; guarded by mu
	exit    vzcontract.ExitStatus        // valid once done is closed
	err     error                        // valid once done is closed
	loss    error                        // valid once lost is closed
}

var _ vzcontract.Attachment = (*attachment)(nil)

// exchange sends a request with the streams of attach, if there are any, and
// returns the attachment that the answer begins. An end before the answer is
// io.EOF. The connection is the attachment's; files go before the streams.
func exchange(ctx context.Context, conn *wire.Conn, m *wire.Message, attach *vzcontract.AttachOptions, files ...*os.File) (*attachment, error) {
	a := &attachment{conn: conn, pumps: new(pumps), done: make(chan struct{}), lost: make(chan struct{}), waiting: map[int]chan<- *wire.Message{}}
	if attach != nil {
		if err := a.pumps.open(attach.Stdio, m); err != nil {
			conn.Close()
			return nil, err
		}
		m.Size = &attach.Size
	}
	go a.read()
	answer, err := a.call(ctx, m, append(files, a.pumps.files...)...)
	a.pumps.sent()
	if err != nil {
		a.pumps.abort()
		conn.Close()
		return nil, err
	}
	a.id = answer.ID
	a.pumps.begin()
	return a, nil
}

// read takes what the monitor says until the end.
func (a *attachment) read() {
	defer close(a.done)
	for {
		m, files, err := a.conn.Receive()
		for _, f := range files {
			f.Close()
		}
		if err != nil {
			a.fail(err)
			return
		}
		if m.Op == wire.Ended {
			a.err = m.Err.Unwire()
			if m.Exit != nil {
				a.exit = *m.Exit
			}
			a.conn.Close()
			return
		}
		if m.Op == wire.Lost {
			if a.loss == nil {
				a.loss = m.Err.Unwire()
				close(a.lost)
			}
			continue
		}
		a.mu.Lock()
		to := a.waiting[m.Seq]
		delete(a.waiting, m.Seq)
		a.mu.Unlock()
		if to != nil {
			to <- m
		}
	}
}

func (a *attachment) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.closed:
		a.err = vzcontract.Errorf(vzcontract.ErrConflict, "detached")
	case errors.Is(err, io.EOF):
		a.err = vzcontract.Errorf(vzcontract.ErrUnavailable, "the container's monitor has gone")
	default:
		a.err = vzcontract.Errorf(vzcontract.ErrUnavailable, "connection to the container's monitor: %w", err)
	}
}

// call sends a request and returns its answer. The end of the connection is
// io.EOF.
func (a *attachment) call(ctx context.Context, m *wire.Message, files ...*os.File) (*wire.Message, error) {
	answer := make(chan *wire.Message, 1)
	a.mu.Lock()
	a.seq++
	m.Seq = a.seq
	a.waiting[m.Seq] = answer
	a.mu.Unlock()
	if err := a.conn.Send(m, files...); err != nil {
		select {
		case got := <-answer: // it answered before it had read all
			return got, got.Err.Unwire()
		default:
			return nil, io.EOF
		}
	}
	select {
	case got := <-answer:
		return got, got.Err.Unwire()
	case <-a.done:
		select {
		case got := <-answer:
			return got, got.Err.Unwire()
		default:
			return nil, io.EOF
		}
	case <-ctx.Done():
		return nil, contextError(ctx)
	}
}

// Wait implements vzcontract.Attachment.
func (a *attachment) Wait(ctx context.Context) (vzcontract.ExitStatus, error) {
	select {
	case <-a.done:
	case <-a.lost:
		return vzcontract.ExitStatus{}, a.loss
	case <-ctx.Done():
		return vzcontract.ExitStatus{}, contextError(ctx)
	}
	select {
	case <-a.lost:
		return a.exit, a.loss
	default:
	}
	if a.err == nil {
		if err := a.pumps.wait(ctx); err != nil {
			return vzcontract.ExitStatus{}, err
		}
	}
	return a.exit, a.err
}

// control asks for something that has no answer but success.
func (a *attachment) control(ctx context.Context, what string, m *wire.Message) error {
	select {
	case <-a.done:
		return vzcontract.Errorf(vzcontract.ErrConflict, "%s: the program has ended", what)
	default:
	}
	_, err := a.call(ctx, m)
	if errors.Is(err, io.EOF) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "%s: the program has ended", what)
	}
	return err
}

// Resize implements vzcontract.Attachment.
func (a *attachment) Resize(ctx context.Context, size vzcontract.TermSize) error {
	return a.control(ctx, "resize", &wire.Message{Op: wire.Resize, Size: &size})
}

// Signal implements vzcontract.Attachment.
func (a *attachment) Signal(ctx context.Context, signal string) error {
	return a.control(ctx, "signal", &wire.Message{Op: wire.Kill, Signal: signal})
}

// Close implements vzcontract.Attachment.
func (a *attachment) Close() error {
	a.mu.Lock()
	again := a.closed
	a.closed = true
	a.mu.Unlock()
	if again {
		return nil
	}
	select {
	case <-a.done: // it ended by itself
		a.pumps.abort()
		return nil
	default:
	}
	_ = a.conn.Send(&wire.Message{Op: wire.Detach}) // a monitor that is gone needs no goodbye
	a.conn.Close()
	<-a.done
	a.pumps.abort()
	return nil
}

// contextError gives the end of ctx its class.
func contextError(ctx context.Context) error {
	err := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return vzcontract.Errorf(vzcontract.ErrTimeout, "wait: %w", err)
	}
	return err
}
