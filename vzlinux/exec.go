package vzlinux

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"time"

	"vz.internal/vzlinux/agentproto"
)

// A Command is a program to run in the guest.
type Command struct {
	Args   []string
	Env    []string
	Dir    string
	User   string   // name or uid, optionally ":" and a group; empty is root
	Groups []string // supplementary, besides the user's own
	Detach bool     // goes on when the Agent is closed
	Limit  time.Duration

	// The program's streams; nil is /dev/null. Stdout and Stderr may be the
	// same, which is then written to by one of them at a time. With TTY Stdin and Stdout are
	// the terminal and Stderr is not used.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	TTY            *agentproto.TermSize
}

// An Exec is a program that was started.
type Exec struct {
	agent *Agent
	id    string
	pid   int
	out   sync.WaitGroup

	mu      sync.Mutex
	copyErr error             // guarded by mu
	open    []agentproto.Conn // guarded by mu
}

// Start starts a program. ctx limits the start alone. Its errors match
// vzcontract.ErrNoSuchProgram and vzcontract.ErrCannotExec where these apply.
func (a *Agent) Start(ctx context.Context, c Command) (*Exec, error) {
	e := &Exec{agent: a, id: rand.Text()}
	if c.Stdout != nil && same(c.Stdout, c.Stderr) {
		c.Stdout = &shared{to: c.Stdout}
		c.Stderr = c.Stdout
	}
	req := agentproto.ExecRequest{
		ID: e.id, Args: c.Args, Env: c.Env, Dir: c.Dir, User: c.User, Groups: c.Groups, Detach: c.Detach, Limit: c.Limit, TTY: c.TTY,
	}
	if c.TTY == nil {
		req.Stdin, req.Stdout, req.Stderr = c.Stdin != nil, c.Stdout != nil, c.Stderr != nil
	}
	var started agentproto.ExecStarted
	if err := a.client.Call(ctx, agentproto.MethodExecStart, req, &started); err != nil {
		return nil, err
	}
	e.pid = started.PID
	if err := e.connect(ctx, c, started); err != nil {
		e.abandon(ctx)
		return nil, err
	}
	return e, nil
}

// connect opens the streams at once and sets the copies going.
func (e *Exec) connect(ctx context.Context, c Command, started agentproto.ExecStarted) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	open := func(token *agentproto.Token, use func(agentproto.Conn)) {
		if token == nil {
			return
		}
		wait.Go(func() {
			conn, err := e.agent.Stream(ctx, *token)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			e.mu.Lock()
			e.open = append(e.open, conn)
			e.mu.Unlock()
			use(conn)
		})
	}
	send := func(conn agentproto.Conn) {
		if c.Stdin != nil {
			// A program that ends without reading its input is no error.
			go func() {
				_, _ = io.Copy(conn, c.Stdin)
				_ = conn.CloseWrite()
			}()
		}
	}
	receive := func(to io.Writer) func(agentproto.Conn) {
		if to == nil {
			to = io.Discard
		}
		return func(conn agentproto.Conn) {
			e.out.Go(func() {
				_, err := io.Copy(to, conn)
				_ = conn.Close()
				e.mu.Lock()
				e.copyErr = errors.Join(e.copyErr, err)
				e.mu.Unlock()
			})
		}
	}
	open(started.Stdin, send)
	open(started.Stdout, receive(c.Stdout))
	open(started.Stderr, receive(c.Stderr))
	open(started.TTY, func(conn agentproto.Conn) {
		send(conn)
		receive(c.Stdout)(conn)
	})
	wait.Wait()
	return errors.Join(errs...)
}

// abandon ends a program whose streams could not be opened.
func (e *Exec) abandon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = e.Kill(ctx)
	e.closeStreams()
	_ = e.agent.client.Call(ctx, agentproto.MethodExecWait, agentproto.ExecID{ID: e.id}, nil)
}

func (e *Exec) closeStreams() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, conn := range e.open {
		_ = conn.Close()
	}
}

// PID is the program's process id in the guest.
func (e *Exec) PID() int { return e.pid }

// Wait returns how the program ended, after all of its output was written. When
// ctx ends first the whole tree of the program is killed.
func (e *Exec) Wait(ctx context.Context) (agentproto.ExecStatus, error) {
	var status agentproto.ExecStatus
	err := e.agent.client.Call(ctx, agentproto.MethodExecWait, agentproto.ExecID{ID: e.id}, &status)
	if err != nil {
		e.abandon(ctx)
		e.out.Wait()
		return status, err
	}
	// A child that lives on may keep the output open: ctx ends that, too.
	stop := context.AfterFunc(ctx, e.closeStreams)
	e.out.Wait()
	if !stop() {
		return status, ctx.Err()
	}
	e.closeStreams() // the input, if the program left it unread
	e.mu.Lock()
	defer e.mu.Unlock()
	return status, e.copyErr
}

// Signal sends a signal, by Linux's number, to the program's process group.
func (e *Exec) Signal(ctx context.Context, number int) error {
	return e.agent.client.Call(ctx, agentproto.MethodExecSignal, agentproto.SignalRequest{ID: e.id, Signal: number}, nil)
}

// Resize sets the size of the program's terminal.
func (e *Exec) Resize(ctx context.Context, size agentproto.TermSize) error {
	return e.agent.client.Call(ctx, agentproto.MethodExecResize, agentproto.ResizeRequest{ID: e.id, TermSize: size}, nil)
}

// Kill ends the whole tree of the program.
func (e *Exec) Kill(ctx context.Context) error {
	return e.agent.client.Call(ctx, agentproto.MethodExecKill, agentproto.ExecID{ID: e.id}, nil)
}

// Run starts a program and waits for it.
func (a *Agent) Run(ctx context.Context, c Command) (agentproto.ExecStatus, error) {
	e, err := a.Start(ctx, c)
	if err != nil {
		return agentproto.ExecStatus{}, err
	}
	return e.Wait(ctx)
}

// A shared writer is written to by one at a time.
type shared struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(p)
}

func same(a, b io.Writer) bool {
	defer func() { _ = recover() }() // two of a type that cannot be compared differ
	return a == b
}
