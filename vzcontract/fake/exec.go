package fake

import (
	"context"
	"io"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
)

// A session is a running exec.
type session struct {
	b    *Backend
	id   string
	proc *sim.Process
	tty  *sim.TTY
	done chan struct{}

	status vzcontract.ExitStatus // valid once done is closed
	err    error                 // valid once done is closed
}

// Exec implements vzcontract.Execer.
func (b *Backend) Exec(ctx context.Context, ref string, cfg vzcontract.ExecConfig) (vzcontract.ExecSession, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	unlock, err := b.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := b.find("exec", ref)
	if err != nil {
		return nil, err
	}
	if c.Info.State != vzcontract.StateRunning {
		return nil, failure("exec", c, vzcontract.ErrConflict, "the container is %s, not running", c.Info.State)
	}
	if len(cfg.Args) == 0 {
		return nil, failure("exec", c, vzcontract.ErrValidation, "no command given")
	}
	kernel, err := b.kernelOf(c)
	if err != nil {
		return nil, err
	}
	s, stdin, err := b.newSession(c, kernel, cfg)
	if err != nil {
		return nil, err
	}
	b.execs[s] = true
	attrs := map[string]string{"execID": s.id}
	b.event("container", "exec_create", c, attrs)
	b.event("container", "exec_start", c, attrs)
	if !cfg.Detach {
		s.pump(cfg.Stdio.In, stdin)
	}
	b.goes(func() { s.supervise(c, cfg.Timeout) })
	return s, nil
}

// kernelOf returns the kernel of a running container. One that only lives as a
// record gets a kernel for the moment.
func (b *Backend) kernelOf(c *container) (*sim.Kernel, error) {
	if r := b.runs[c.Info.ID]; r != nil {
		return r.kernel, nil
	}
	view, _, err := b.view(c)
	if err != nil {
		return nil, failure("exec", c, classOf(err), "%w", err)
	}
	kernel := sim.NewKernel(view)
	kernel.Hostname = c.Info.Config.Hostname
	kernel.Placeholder(c.Info.Command)
	return kernel, nil
}

func (b *Backend) newSession(c *container, kernel *sim.Kernel, cfg vzcontract.ExecConfig) (*session, *sim.Pipe, error) {
	spec, err := b.spec(c, kernel.FS)
	if err != nil {
		return nil, nil, failure("exec", c, vzcontract.ErrValidation, "%w", err)
	}
	if cfg.User != "" || len(cfg.Groups) > 0 {
		user := firstOf(cfg.User, c.Info.User)
		id, err := sim.LookupUser(kernel.FS, user, cfg.Groups)
		if err != nil {
			return nil, nil, failure("exec", c, vzcontract.ErrValidation, "%w", err)
		}
		spec.UID, spec.GID, spec.Groups = id.UID, id.GID, id.Groups
		spec.Env = mergeEnv(spec.Env, []string{"HOME=" + id.Home})
	}
	spec.Args, spec.Env = cfg.Args, mergeEnv(spec.Env, cfg.Env)
	if cfg.WorkingDir != "" {
		n, err := kernel.FS.Stat(cfg.WorkingDir)
		if err != nil || !n.Mode.IsDir() {
			return nil, nil, failure("exec", c, vzcontract.ErrValidation, "the working directory %s does not exist", cfg.WorkingDir)
		}
		spec.Dir = cfg.WorkingDir
	}
	s := &session{b: b, id: randomID(), done: make(chan struct{})}
	var stdin *sim.Pipe
	if !cfg.Detach {
		spec.Stdout, spec.Stderr = writerFile(cfg.Stdio.Out), writerFile(cfg.Stdio.Err)
		if cfg.Stdio.In != nil {
			stdin = sim.NewPipe()
			spec.Stdin = stdin
		}
	}
	if cfg.TTY {
		s.tty = sim.NewTTY(orNull(spec.Stdout))
		s.tty.Resize(cfg.Size.Rows, cfg.Size.Cols)
		spec.TTY, spec.Stdin, spec.Stdout, spec.Stderr = s.tty, s.tty, s.tty, s.tty
	}
	if s.proc, err = kernel.Start(spec, nil); err != nil {
		return nil, nil, failure("exec", c, execClass(err), "exec %s: %w", cfg.Args[0], err)
	}
	if s.tty != nil {
		s.tty.SetForeground(s.proc.Signal)
	}
	return s, stdin, nil
}

func writerFile(w io.Writer) sim.File {
	if w == nil {
		return nil
	}
	return sim.SinkTo(w)
}

func orNull(f sim.File) sim.File {
	if f == nil {
		return sim.Null
	}
	return f
}

// pump copies the caller's input to the program until either ends.
func (s *session) pump(in io.Reader, stdin *sim.Pipe) {
	if in == nil {
		return
	}
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := in.Read(buf)
			var werr error
			switch {
			case n == 0:
			case s.tty != nil:
				werr = s.tty.Type(s.done, buf[:n])
			default:
				_, werr = stdin.Write(s.done, buf[:n])
			}
			if err != nil || werr != nil {
				if s.tty == nil {
					stdin.CloseWrite()
				}
				return
			}
		}
	}()
}

func (s *session) supervise(c *container, timeout time.Duration) {
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	var err error
	select {
	case <-s.proc.Done():
	case <-late:
		err = vzcontract.Errorf(vzcontract.ErrTimeout, "exec: still running after %s: killed", timeout)
		s.proc.KillTree()
		<-s.proc.Done()
	}
	status := s.proc.Status()
	s.status = vzcontract.ExitStatus{Code: status.Code, Signal: status.Signal, OOMKilled: status.OOM}
	s.err = err
	close(s.done)
	_ = s.b.once(func() error { // a state directory that is gone needs no event
		delete(s.b.execs, s)
		s.b.event("container", "exec_die", c, map[string]string{"execID": s.id, "exitCode": itoa(status.Code)})
		return nil
	})
}

// ID implements vzcontract.ExecSession.
func (s *session) ID() string { return s.id }

// Wait implements vzcontract.Attachment.
func (s *session) Wait(ctx context.Context) (vzcontract.ExitStatus, error) {
	select {
	case <-s.done:
		return s.status, s.err
	default:
	}
	select {
	case <-s.done:
		return s.status, s.err
	case <-ctx.Done():
		return vzcontract.ExitStatus{}, contextError(ctx)
	}
}

// Resize implements vzcontract.Attachment.
func (s *session) Resize(_ context.Context, size vzcontract.TermSize) error {
	if s.tty == nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "resize: the exec has no terminal")
	}
	s.tty.Resize(size.Rows, size.Cols)
	return nil
}

// Signal implements vzcontract.Attachment.
func (s *session) Signal(_ context.Context, signal string) error {
	sig, err := signalNumber(signal, "KILL")
	if err != nil {
		return err
	}
	select {
	case <-s.done:
		return vzcontract.Errorf(vzcontract.ErrConflict, "signal %s: the exec has ended", signal)
	default:
	}
	s.proc.Signal(sig)
	return nil
}

// Cancel implements vzcontract.ExecSession.
func (s *session) Cancel(ctx context.Context) error {
	s.proc.KillTree()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return contextError(ctx)
	}
}

// Close implements vzcontract.Attachment.
func (s *session) Close() error { return nil }
