package progress

import (
	"fmt"
	"io"
	"sync"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// A Display receives progress from many goroutines. Close ends it and leaves
// the terminal tidy.
type Display interface {
	Update(vzcontract.PullProgress)
	Close()
}

// New returns the display that env's settings and stderr call for.
func New(env *command.Env, quiet bool) Display {
	mode := env.Globals.Progress
	if quiet || env.Globals.Quiet || env.Globals.JSON || mode == "quiet" {
		return silent{}
	}
	if f, ok := command.Terminal(env.Stderr); ok && mode == "auto" {
		return newBars(f)
	}
	return &plain{w: env.Stderr, phase: map[string]string{}}
}

type silent struct{}

func (silent) Update(vzcontract.PullProgress) {}
func (silent) Close()                         {}

// plain prints a line when a blob is there, so that a log of a build stays short.
type plain struct {
	mu    sync.Mutex
	w     io.Writer         // guarded by mu
	phase map[string]string // by digest; guarded by mu
}

func (p *plain) Update(u vzcontract.PullProgress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.phase[u.Digest] == u.Phase {
		return
	}
	p.phase[u.Digest] = u.Phase
	switch u.Phase {
	case "done":
		fmt.Fprintf(p.w, "%s: done, %s\n", output.ShortID(u.Digest), output.Size(max(u.Total, u.Done)))
	case "exists":
		fmt.Fprintf(p.w, "%s: already there\n", output.ShortID(u.Digest))
	}
}

func (p *plain) Close() {}
