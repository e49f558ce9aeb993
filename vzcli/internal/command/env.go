package command

import (
	"context"
	"io"
	"os"

	"golang.org/x/term"
)

// Globals are the settings that hold for every verb.
type Globals struct {
	Backend   string // "auto", "native" or "vm"
	Home      string // state directory; empty is the default
	Run       string // runtime directory; empty is the default
	JSON      bool
	Quiet     bool
	Verbose   int
	LogFormat string // "text" or "json"
	Progress  string // "auto", "plain" or "quiet"
}

// An Env is what a verb works in.
type Env struct {
	// Ctx ends when the user interrupts; its cause is then an *Interrupted.
	Ctx     context.Context //nolint:containedctx // the program's own lifetime
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Globals Globals
	// Signals are the program's own.
	Signals *Signals
	// Program is the one that runs: vz or a companion.
	Program Program
	// Commands is the table, for help and completion.
	Commands []Command
	// Open makes the services. It is called once, when first needed.
	Open func(Globals) (*Services, error)
	// Checks looks at the host. It works where Open does not.
	Checks Checks

	services *Services
}

// Services returns what the chosen backend offers. The first call opens it.
func (e *Env) Services() (*Services, error) {
	if e.services == nil {
		s, err := e.Open(e.Globals)
		if err != nil {
			return nil, err
		}
		e.services = s
	}
	return e.services, nil
}

// Close releases what Services opened.
func (e *Env) Close() error {
	if e.services == nil || e.services.Backend == nil {
		return nil
	}
	return e.services.Backend.Close()
}

// Terminal returns the file behind a stream when it is a terminal.
func Terminal(stream any) (*os.File, bool) {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, false
	}
	return f, true
}
