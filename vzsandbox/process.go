package vzsandbox

import (
	"context"
	"errors"
	"sync"

	"vz.internal/vzcontract"
)

// A Process is a program that runs in a sandbox. Its methods are safe for concurrent
// use. The caller closes it.
type Process struct {
	session vzcontract.ExecSession
	detach  bool
	done    func() // ends the use of the sandbox
	once    sync.Once
	ended   chan struct{} // closed when Wait has seen the end
	endOnce sync.Once
}

// Start starts a program and returns when it runs; ctx has no say after that. Errors
// are those of [Sandbox.Run].
func (s *Sandbox) Start(ctx context.Context, c Command) (*Process, error) {
	done, err := s.use(ctx)
	if err != nil {
		return nil, err
	}
	session, err := s.host.backend.Exec(ctx, s.id, s.exec(c))
	if err != nil {
		done()
		return nil, err
	}
	return &Process{session: session, detach: c.Detach, done: done, ended: make(chan struct{})}, nil
}

// ID is the backend's of the exec.
func (p *Process) ID() string { return p.session.ID() }

// Wait returns when the program has ended and all its output was delivered, or ctx
// ends, which leaves it running. A program whose time was over gives ErrTimeout and the
// status of its end.
func (p *Process) Wait(ctx context.Context) (vzcontract.ExitStatus, error) {
	exit, err := p.session.Wait(ctx)
	if err == nil || ctx.Err() == nil && errors.Is(err, vzcontract.ErrTimeout) {
		p.endOnce.Do(func() { close(p.ended) })
	}
	return exit, err
}

// Resize tells the program's terminal its size.
func (p *Process) Resize(ctx context.Context, size vzcontract.TermSize) error {
	return p.session.Resize(ctx, size)
}

// Signal sends a signal ("TERM", "SIGINT", "9", …; empty is KILL) to the program alone.
func (p *Process) Signal(ctx context.Context, signal string) error {
	return p.session.Signal(ctx, signal)
}

// Kill kills the program and all that it started.
func (p *Process) Kill(ctx context.Context) error { return p.session.Cancel(ctx) }

// end kills the program and returns how it ended.
func (p *Process) end(ctx context.Context) vzcontract.ExitStatus {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_ = p.Kill(ctx)        // it may just have ended
	exit, _ := p.Wait(ctx) // the caller has the reason already
	return exit
}

// Close kills what still runs of the program, unless it was started with Detach, and
// frees what belongs to it. It may be called again.
func (p *Process) Close() (err error) {
	p.once.Do(func() {
		select {
		case <-p.ended:
		default:
			if !p.detach {
				p.end(context.Background())
			}
		}
		err = p.session.Close()
		p.done()
	})
	return err
}
