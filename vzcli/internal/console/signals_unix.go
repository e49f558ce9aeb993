//go:build unix

package console

import (
	"context"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

var proxied = []os.Signal{
	syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCONT, syscall.SIGALRM,
	syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGABRT,
}

// watchSignals passes signals and changes of the window's size on to the
// workload. The returned function ends that.
func (c *Console) watchSignals(ctx context.Context, att vzcontract.Attachment) (stop func()) {
	var more []os.Signal
	if c.opts.Signals {
		more = append(more, proxied...)
		if c.tty != nil {
			// A shell's job control of vz itself stays as it is.
			more = more[:5]
		}
	}
	if c.screen != nil {
		more = append(more, syscall.SIGWINCH)
	}
	if len(more) == 0 {
		return func() {}
	}
	pass := func(s os.Signal) {
		sig, ok := s.(syscall.Signal)
		switch {
		case !ok:
		case sig == syscall.SIGWINCH:
			// The workload may have ended meanwhile; then there is nothing to size.
			_ = att.Resize(ctx, c.Size())
		case c.opts.Signals:
			_ = att.Signal(ctx, unix.SignalName(sig))
		}
	}
	if !c.opts.Signals {
		return c.env.Signals.Also(pass, more...)
	}
	stop = c.env.Signals.Divert(pass, more...)
	select {
	case sig := <-c.held: // nil without Hold
		pass(sig)
	default:
	}
	return stop
}
