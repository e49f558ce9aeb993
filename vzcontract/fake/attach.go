package fake

import (
	"context"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/sim"
)

// An attachment is a client of a container's streams.
type attachment struct {
	b    *Backend
	r    *run
	opts vzcontract.AttachOptions
	once sync.Once
	done chan struct{} // closed by end

	status vzcontract.ExitStatus // valid once done is closed
	err    error                 // valid once done is closed
}

func (r *run) attach(b *Backend, opts vzcontract.AttachOptions, cfg vzcontract.RunConfig) *attachment {
	a := &attachment{b: b, r: r, opts: opts, done: make(chan struct{})}
	if r.tty != nil {
		r.tty.Resize(opts.Size.Rows, opts.Size.Cols)
	}
	r.out.add(a)
	return a
}

// pump copies the client's input to the workload. The goroutine ends when In
// does; a reader cannot be interrupted.
func (a *attachment) pump(stdin *sim.Pipe, tty *sim.TTY, cfg vzcontract.RunConfig) {
	if a.opts.In == nil || stdin == nil {
		return
	}
	go func() {
		buf := make([]byte, 32<<10)
		for {
			n, err := a.opts.In.Read(buf)
			if a.ended() {
				return
			}
			if n > 0 {
				var werr error
				if tty != nil {
					werr = tty.Type(a.done, buf[:n])
				} else {
					_, werr = stdin.Write(a.done, buf[:n])
				}
				if werr != nil {
					return
				}
			}
			if err != nil {
				if cfg.StdinOnce && tty == nil {
					stdin.CloseWrite()
				}
				return
			}
		}
	}()
}

func (a *attachment) ended() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

func (a *attachment) end(status vzcontract.ExitStatus, err error) {
	a.once.Do(func() {
		a.status, a.err = status, err
		close(a.done)
	})
}

// Wait implements vzcontract.Attachment.
func (a *attachment) Wait(ctx context.Context) (vzcontract.ExitStatus, error) {
	select {
	case <-a.done:
		return a.status, a.err
	default:
	}
	select {
	case <-a.done:
		return a.status, a.err
	case <-ctx.Done():
		return vzcontract.ExitStatus{}, contextError(ctx)
	}
}

// Resize implements vzcontract.Attachment.
func (a *attachment) Resize(_ context.Context, size vzcontract.TermSize) error {
	if a.r.tty == nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "resize: the container has no terminal")
	}
	a.r.tty.Resize(size.Rows, size.Cols)
	return nil
}

// Signal implements vzcontract.Attachment.
func (a *attachment) Signal(_ context.Context, signal string) error {
	sig, err := signalNumber(signal, "KILL")
	if err != nil {
		return err
	}
	select {
	case <-a.r.main.Done():
		return vzcontract.Errorf(vzcontract.ErrConflict, "signal %s: the container has ended", signal)
	default:
	}
	a.r.signal(sig)
	return nil
}

// Close implements vzcontract.Attachment.
func (a *attachment) Close() error {
	a.end(vzcontract.ExitStatus{}, errDetached)
	return nil
}

func signalNumber(name, fallback string) (int, error) {
	if name == "" {
		name = fallback
	}
	sig, ok := sim.SignalNumber(name)
	if !ok || sig == 0 {
		return 0, vzcontract.Errorf(vzcontract.ErrValidation, "unknown signal %q", name)
	}
	return sig, nil
}
