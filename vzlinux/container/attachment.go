package container

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// goodbyeTime bounds what is said to the guest of an attachment that ends.
const goodbyeTime = 5 * time.Second

// An attachment is a connection to the streams of a workload in the guest.
type attachment struct {
	runtime *Runtime
	id      uint64
	exec    string
	out     sync.WaitGroup

	mu      sync.Mutex
	copyErr error             // guarded by mu
	conns   []agentproto.Conn // guarded by mu
	closed  bool              // guarded by mu
}

var _ vzcontract.ExecSession = (*attachment)(nil)

func streamsOf(s vzcontract.Stdio, size vzcontract.TermSize) agentproto.ContainerStreams {
	return agentproto.ContainerStreams{In: s.In != nil, Out: s.Out != nil, Err: s.Err != nil, Size: size}
}

// Start implements vzcontract.Lifecycle.
func (r *Runtime) Start(ctx context.Context, container string, opts vzcontract.StartOptions) (vzcontract.Attachment, error) {
	req := agentproto.ContainerAttach{Container: named(container)}
	if opts.Attach == nil {
		return nil, r.agent.Call(ctx, agentproto.MethodContainerStart, req, nil)
	}
	streams := streamsOf(opts.Attach.Stdio, opts.Attach.Size)
	req.Streams = &streams
	return r.attached(ctx, agentproto.MethodContainerStart, req, opts.Attach.Stdio)
}

// Attach implements vzcontract.Lifecycle.
func (r *Runtime) Attach(ctx context.Context, container string, opts vzcontract.AttachOptions) (vzcontract.Attachment, error) {
	streams := streamsOf(opts.Stdio, opts.Size)
	req := agentproto.ContainerAttach{Container: named(container), Streams: &streams}
	return r.attached(ctx, agentproto.MethodContainerAttach, req, opts.Stdio)
}

// Exec implements vzcontract.Execer.
func (r *Runtime) Exec(ctx context.Context, container string, cfg vzcontract.ExecConfig) (vzcontract.ExecSession, error) {
	req := agentproto.ContainerExec{Container: named(container), Config: cfg, Streams: streamsOf(cfg.Stdio, cfg.Size)}
	a, err := r.attached(ctx, agentproto.MethodContainerExec, req, cfg.Stdio)
	if err != nil {
		return nil, err
	}
	return a.(*attachment), nil
}

func (r *Runtime) attached(ctx context.Context, method string, req any, stdio vzcontract.Stdio) (vzcontract.Attachment, error) {
	var begun agentproto.Attached
	if err := r.agent.Call(ctx, method, req, &begun); err != nil {
		return nil, err
	}
	a := &attachment{runtime: r, id: begun.ID, exec: begun.Exec}
	if err := a.connect(ctx, begun, stdio); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// connect opens the streams at once and sets the copies going.
func (a *attachment) connect(ctx context.Context, begun agentproto.Attached, stdio vzcontract.Stdio) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	open := func(token *agentproto.Token, use func(agentproto.Conn)) {
		if token == nil {
			return
		}
		wait.Go(func() {
			conn, err := a.runtime.agent.Stream(ctx, *token)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			a.mu.Lock()
			a.conns = append(a.conns, conn)
			a.mu.Unlock()
			use(conn)
		})
	}
	open(begun.Stdin, func(conn agentproto.Conn) {
		go func() {
			_, _ = io.Copy(conn, stdio.In) // a workload that does not read its input is no error
			_ = conn.CloseWrite()
		}()
	})
	open(begun.Stdout, a.receive(stdio.Out))
	open(begun.Stderr, a.receive(stdio.Err))
	wait.Wait()
	return errors.Join(errs...)
}

func (a *attachment) receive(to io.Writer) func(agentproto.Conn) {
	return func(conn agentproto.Conn) {
		a.out.Go(func() {
			_, err := io.Copy(to, conn)
			_ = conn.Close()
			a.mu.Lock()
			defer a.mu.Unlock()
			if !a.closed {
				a.copyErr = errors.Join(a.copyErr, err)
			}
		})
	}
}

// ID implements vzcontract.ExecSession.
func (a *attachment) ID() string { return a.exec }

// Wait implements vzcontract.Attachment.
func (a *attachment) Wait(ctx context.Context) (vzcontract.ExitStatus, error) {
	exit, err := call[vzcontract.ExitStatus](ctx, a.runtime, agentproto.MethodAttachmentWait, agentproto.Attachment{ID: a.id})
	if err != nil {
		return exit, a.reason(ctx, err)
	}
	delivered := make(chan struct{})
	go func() {
		a.out.Wait()
		close(delivered)
	}()
	select {
	case <-delivered:
	case <-ctx.Done():
		return vzcontract.ExitStatus{}, ended(ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return exit, a.copyErr
}

// reason says why Wait failed.
func (a *attachment) reason(ctx context.Context, err error) error {
	a.mu.Lock()
	closed := a.closed
	a.mu.Unlock()
	switch {
	case closed:
		return vzcontract.Errorf(vzcontract.ErrConflict, "detached")
	case ctx.Err() != nil:
		return ended(ctx)
	}
	return err
}

// ended gives the end of ctx its class.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return vzcontract.Errorf(vzcontract.ErrTimeout, "wait: %w", context.Cause(ctx))
	}
	return context.Cause(ctx)
}

// Resize implements vzcontract.Attachment.
func (a *attachment) Resize(ctx context.Context, size vzcontract.TermSize) error {
	req := agentproto.AttachmentResize{Attachment: agentproto.Attachment{ID: a.id}, Size: size}
	return a.runtime.agent.Call(ctx, agentproto.MethodAttachmentResize, req, nil)
}

// Signal implements vzcontract.Attachment.
func (a *attachment) Signal(ctx context.Context, signal string) error {
	req := agentproto.AttachmentSignal{Attachment: agentproto.Attachment{ID: a.id}, Signal: signal}
	return a.runtime.agent.Call(ctx, agentproto.MethodAttachmentSignal, req, nil)
}

// Cancel implements vzcontract.ExecSession.
func (a *attachment) Cancel(ctx context.Context) error {
	return a.runtime.agent.Call(ctx, agentproto.MethodAttachmentCancel, agentproto.Attachment{ID: a.id}, nil)
}

// Close implements vzcontract.Attachment. A guest that is gone is no failure: there
// is nothing left to disconnect from.
func (a *attachment) Close() error {
	a.mu.Lock()
	again := a.closed
	a.closed = true
	a.mu.Unlock()
	if again {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	err := a.runtime.agent.Call(ctx, agentproto.MethodAttachmentClose, agentproto.Attachment{ID: a.id}, nil)
	a.mu.Lock()
	for _, conn := range a.conns {
		_ = conn.Close()
	}
	a.mu.Unlock()
	a.out.Wait()
	if errors.Is(err, vzcontract.ErrUnavailable) {
		return nil
	}
	return err
}
