package agent

import (
	"context"
	"os"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// maxAttachments is how many one connection may have at once.
const maxAttachments = 1024

// attachments are a session's connections to the streams of workloads.
type attachments struct {
	mu     sync.Mutex
	closed bool                   // guarded by mu
	next   uint64                 // guarded by mu
	all    map[uint64]*attachment // guarded by mu
}

// An attachment is one of them. Its pipes lie between the backend and the host's
// streams.
type attachment struct {
	of    vzcontract.Attachment
	pipes *pipes
	done  chan struct{}
	exit  vzcontract.ExitStatus // valid once done is closed
	err   error                 // valid once done is closed
}

// pipes are what a backend reads from and writes to, and our ends of it.
type pipes struct {
	stdin, stdout, stderr *os.File // ours; nil if not wanted
	theirs                []*os.File
	stdio                 vzcontract.Stdio
}

func newPipes(want agentproto.ContainerStreams) (*pipes, error) {
	p := &pipes{}
	if want.In {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		p.stdin, p.stdio.In, p.theirs = w, r, append(p.theirs, r)
	}
	if want.Out {
		r, w, err := os.Pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		p.stdout, p.stdio.Out, p.theirs = r, w, append(p.theirs, w)
	}
	if want.Err {
		r, w, err := os.Pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		p.stderr, p.stdio.Err, p.theirs = r, w, append(p.theirs, w)
	}
	return p, nil
}

func (p *pipes) closeTheirs() {
	for _, f := range p.theirs {
		_ = f.Close()
	}
}

func (p *pipes) close() {
	p.closeTheirs()
	for _, f := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// connect begins an attachment: start does it at the backend.
func (s *session) connect(want *agentproto.ContainerStreams, start func(*vzcontract.AttachOptions) (vzcontract.Attachment, error)) (agentproto.Attached, error) {
	if want == nil {
		_, err := start(nil)
		return agentproto.Attached{}, err
	}
	p, err := newPipes(*want)
	if err != nil {
		return agentproto.Attached{}, err
	}
	of, err := start(&vzcontract.AttachOptions{Stdio: p.stdio, Size: want.Size})
	if err != nil {
		p.close()
		return agentproto.Attached{}, err
	}
	a := &attachment{of: of, pipes: p, done: make(chan struct{})}
	out, err := s.attachments.add(a)
	if err == nil {
		err = s.serve(p, &out)
	}
	go a.follow()
	if err != nil {
		_ = of.Close()
	}
	return out, err
}

// follow takes the workload's end. Only then is its output at its end: a backend
// may copy it on its own.
func (a *attachment) follow() {
	a.exit, a.err = a.of.Wait(context.Background())
	a.pipes.closeTheirs()
	close(a.done)
}

// serve issues a token for each stream.
func (s *session) serve(p *pipes, out *agentproto.Attached) (err error) {
	issue := func(f *os.File, use func(agentproto.Conn)) *agentproto.Token {
		if f == nil {
			return nil
		}
		if err != nil {
			_ = f.Close()
			return nil
		}
		var token agentproto.Token
		if token, err = s.agent.streams.Issue(use, func() { _ = f.Close() }); err != nil {
			_ = f.Close()
			return nil
		}
		return &token
	}
	out.Stdin = issue(p.stdin, func(c agentproto.Conn) { go feed(p.stdin, c) })
	out.Stdout = issue(p.stdout, func(c agentproto.Conn) { go drain(c, p.stdout) })
	out.Stderr = issue(p.stderr, func(c agentproto.Conn) { go drain(c, p.stderr) })
	return err
}

func (t *attachments) add(a *attachment) (agentproto.Attached, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || len(t.all) >= maxAttachments {
		a.pipes.close()
		return agentproto.Attached{}, vzcontract.Errorf(vzcontract.ErrUnavailable, "the connection has ended, or has %d attachments", maxAttachments)
	}
	if t.all == nil {
		t.all = map[uint64]*attachment{}
	}
	t.next++
	t.all[t.next] = a
	return agentproto.Attached{ID: t.next}, nil
}

func (t *attachments) get(id uint64) (*attachment, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.all[id]
	if a == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "there is no attachment %d", id)
	}
	return a, nil
}

// end forgets an attachment and leaves its workload alone.
func (t *attachments) end(id uint64) error {
	a, err := t.get(id)
	if err != nil {
		return err
	}
	t.mu.Lock()
	delete(t.all, id)
	t.mu.Unlock()
	return a.of.Close()
}

// close ends all of them.
func (t *attachments) close() {
	t.mu.Lock()
	t.closed = true
	all := t.all
	t.all = nil
	t.mu.Unlock()
	for _, a := range all {
		_ = a.of.Close() // nobody is left who could be told
	}
}

func (s *session) addAttachments(b vzcontract.RuntimeBackend) {
	s.methods[agentproto.MethodContainerStart] = typed(func(ctx context.Context, in agentproto.ContainerAttach) (agentproto.Attached, error) {
		return s.connect(in.Streams, func(opts *vzcontract.AttachOptions) (vzcontract.Attachment, error) {
			return b.Start(ctx, in.Container.Container, vzcontract.StartOptions{Attach: opts})
		})
	})
	s.methods[agentproto.MethodContainerAttach] = typed(func(ctx context.Context, in agentproto.ContainerAttach) (agentproto.Attached, error) {
		want := in.Streams
		if want == nil {
			want = &agentproto.ContainerStreams{}
		}
		return s.connect(want, func(opts *vzcontract.AttachOptions) (vzcontract.Attachment, error) {
			return b.Attach(ctx, in.Container.Container, *opts)
		})
	})
	s.methods[agentproto.MethodContainerExec] = typed(func(ctx context.Context, in agentproto.ContainerExec) (agentproto.Attached, error) {
		id := ""
		out, err := s.connect(&in.Streams, func(opts *vzcontract.AttachOptions) (vzcontract.Attachment, error) {
			in.Config.Stdio = opts.Stdio
			e, err := b.Exec(ctx, in.Container.Container, in.Config)
			if err != nil {
				return nil, err
			}
			id = e.ID()
			return e, nil
		})
		out.Exec = id
		return out, err
	})
	s.methods[agentproto.MethodAttachmentWait] = typed(func(ctx context.Context, in agentproto.Attachment) (vzcontract.ExitStatus, error) {
		a, err := s.attachments.get(in.ID)
		if err != nil {
			return vzcontract.ExitStatus{}, err
		}
		select {
		case <-a.done:
			return a.exit, a.err
		case <-ctx.Done():
			return vzcontract.ExitStatus{}, ctx.Err()
		}
	})
	s.methods[agentproto.MethodAttachmentResize] = plain(func(ctx context.Context, in agentproto.AttachmentResize) error {
		a, err := s.attachments.get(in.ID)
		if err != nil {
			return err
		}
		return a.of.Resize(ctx, in.Size)
	})
	s.methods[agentproto.MethodAttachmentSignal] = plain(func(ctx context.Context, in agentproto.AttachmentSignal) error {
		a, err := s.attachments.get(in.ID)
		if err != nil {
			return err
		}
		return a.of.Signal(ctx, in.Signal)
	})
	s.methods[agentproto.MethodAttachmentCancel] = plain(func(ctx context.Context, in agentproto.Attachment) error {
		a, err := s.attachments.get(in.ID)
		if err != nil {
			return err
		}
		e, ok := a.of.(vzcontract.ExecSession)
		if !ok {
			return vzcontract.Errorf(vzcontract.ErrValidation, "attachment %d is not that of an exec", in.ID)
		}
		return e.Cancel(ctx)
	})
	s.methods[agentproto.MethodAttachmentClose] = plain(func(_ context.Context, in agentproto.Attachment) error { return s.attachments.end(in.ID) })
}
