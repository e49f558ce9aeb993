package command

import (
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// Interrupted is the cause of a context that a signal ended.
type Interrupted struct{ Signal syscall.Signal }

// Error implements error.
func (i *Interrupted) Error() string {
	if i.Signal == syscall.SIGINT {
		return "interrupted"
	}
	return "ended by signal: " + i.Signal.String()
}

// ExitCode is the shell's convention for a death by signal.
func (i *Interrupted) ExitCode() int { return 128 + int(i.Signal) }

// Signals hands each signal to whoever currently wants it: at first to the
// function that ends the program, later perhaps to a workload.
type Signals struct {
	in   chan os.Signal
	done chan struct{}

	mu      sync.Mutex
	current func(os.Signal) // guarded by mu
}

// NewSignals starts to listen for SIGINT, SIGTERM and SIGHUP; f gets them until
// Divert. Stop ends it.
func NewSignals(f func(os.Signal)) *Signals {
	s := &Signals{in: make(chan os.Signal, 32), done: make(chan struct{}), current: f}
	signal.Notify(s.in, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go s.loop()
	return s
}

func (s *Signals) loop() {
	for {
		select {
		case sig := <-s.in:
			s.mu.Lock()
			f := s.current
			s.mu.Unlock()
			f(sig)
		case <-s.done:
			return
		}
	}
}

// Divert sends all signals, those in more besides the usual ones, to f until
// the returned function is called.
func (s *Signals) Divert(f func(os.Signal), more ...os.Signal) (restore func()) {
	s.mu.Lock()
	old := s.current
	s.current = f
	s.mu.Unlock()
	if len(more) > 0 {
		signal.Notify(s.in, more...)
	}
	return func() {
		s.mu.Lock()
		s.current = old
		s.mu.Unlock()
		if len(more) > 0 {
			signal.Reset(more...)
		}
	}
}

// Also sends only the signals in more to f; the others go where they went.
func (s *Signals) Also(f func(os.Signal), more ...os.Signal) (restore func()) {
	s.mu.Lock()
	old := s.current
	s.mu.Unlock()
	return s.Divert(func(sig os.Signal) {
		if slices.Contains(more, sig) {
			f(sig)
			return
		}
		old(sig)
	}, more...)
}

// Hold keeps the first signal back, for a time in which it is not yet clear whose
// it is; a second one goes where signals went before. The channel gives the one
// that was kept. Signals go where they went when the returned function is called.
func (s *Signals) Hold() (kept <-chan os.Signal, restore func()) {
	s.mu.Lock()
	old := s.current
	s.mu.Unlock()
	first := make(chan os.Signal, 1)
	return first, s.Divert(func(sig os.Signal) {
		select {
		case first <- sig:
		default:
			old(sig)
		}
	})
}

// Stop gives the signals back to the system's defaults.
func (s *Signals) Stop() {
	signal.Stop(s.in)
	close(s.done)
}
