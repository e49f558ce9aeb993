package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/term"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// Options say how a workload is connected.
type Options struct {
	In, Out, Err bool
	// TTY: the workload has a terminal of its own.
	TTY bool
	// DetachKeys leave the workload running; empty means the default. With NoDetach
	// there are none.
	DetachKeys string
	NoDetach   bool
	// Signals are passed on to the workload.
	Signals bool
}

// A Console is vz's side of a workload's streams.
type Console struct {
	env      *command.Env
	opts     Options
	stdio    vzcontract.Stdio
	detached <-chan struct{}
	screen   *os.File // terminal whose size counts; nil without one

	held   <-chan os.Signal // the signal that Hold kept; nil without Hold
	unhold func()

	restore sync.Once
	tty     *os.File // in raw mode; nil otherwise
	saved   *term.State
}

// ErrDetached is what Drive returns when the person typed the detach keys.
var ErrDetached = errors.New("detached")

// Open prepares the streams. A terminal is raw from now on until Close.
func Open(env *command.Env, opts Options) (*Console, error) {
	keys := opts.DetachKeys
	if keys == "" {
		keys = DefaultKeys
	}
	sequence, err := ParseKeys(keys)
	if err != nil {
		return nil, err
	}
	c := &Console{env: env, opts: opts}
	in, isTerminal := command.Terminal(env.Stdin)
	if opts.TTY && opts.In && !isTerminal {
		return nil, command.Usagef("stdin is not a terminal; leave -t out to feed the program from a pipe")
	}
	if opts.Out {
		c.stdio.Out = env.Stdout
	}
	if opts.Err && !opts.TTY {
		c.stdio.Err = env.Stderr
	}
	if screen, ok := command.Terminal(env.Stdout); ok && opts.TTY {
		c.screen = screen
	}
	if !opts.In {
		return c, nil
	}
	c.stdio.In = env.Stdin
	if isTerminal {
		c.stdio.In = struct{ io.Reader }{env.Stdin} // never handed to another process
	}
	if !opts.TTY {
		return c, nil
	}
	if !opts.NoDetach {
		d := newDetacher(env.Stdin, sequence)
		c.stdio.In, c.detached = d, d.detached
	}
	if c.screen == nil {
		c.screen = in
	}
	if c.saved, err = term.MakeRaw(int(in.Fd())); err != nil {
		return nil, fmt.Errorf("set terminal to raw mode: %w", err)
	}
	c.tty = in
	return c, nil
}

// Stdio are the streams to hand to a backend.
func (c *Console) Stdio() vzcontract.Stdio { return c.stdio }

// Size is the terminal's present size.
func (c *Console) Size() vzcontract.TermSize {
	if c.screen == nil {
		return vzcontract.TermSize{}
	}
	cols, rows, err := term.GetSize(int(c.screen.Fd()))
	if err != nil {
		return vzcontract.TermSize{}
	}
	return vzcontract.TermSize{Rows: uint16(rows), Cols: uint16(cols)}
}

// Hold keeps a signal that comes while the workload is started: once the workload
// runs, in Drive, it is the workload's. It lasts until Close.
func (c *Console) Hold() {
	if c.opts.Signals {
		c.held, c.unhold = c.env.Signals.Hold()
	}
}

// AttachOptions are Stdio and Size together.
func (c *Console) AttachOptions() *vzcontract.AttachOptions {
	return &vzcontract.AttachOptions{Stdio: c.stdio, Size: c.Size()}
}

// Close gives the terminal back as it was. It may be called more than once.
func (c *Console) Close() {
	c.restore.Do(func() {
		if c.unhold != nil {
			c.unhold()
		}
		if c.tty != nil {
			_ = term.Restore(int(c.tty.Fd()), c.saved) // a terminal that has gone needs nothing
		}
	})
}

// Drive follows the attachment until the workload ends, the person detaches
// (ErrDetached) or vz is interrupted.
func (c *Console) Drive(att vzcontract.Attachment) (vzcontract.ExitStatus, error) {
	ctx, cancel := context.WithCancel(c.env.Ctx)
	defer cancel()
	stop := c.watchSignals(ctx, att)
	defer stop()

	type result struct {
		status vzcontract.ExitStatus
		err    error
	}
	ended := make(chan result, 1)
	go func() {
		status, err := att.Wait(ctx)
		ended <- result{status, err}
	}()
	select {
	case r := <-ended:
		return r.status, errors.Join(r.err, att.Close())
	case <-c.detached: // nil, and so never ready, without a terminal
		return vzcontract.ExitStatus{}, errors.Join(ErrDetached, att.Close())
	}
}
