package sandbox

import (
	"context"
	"errors"
	"os"
	"unicode/utf8"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

type filesWatch struct {
	Sandbox   string `arg:"" help:"Sandbox."`
	Path      string `arg:"" optional:"" default:"." help:"File or directory, absolute or below the workspace."`
	Recursive bool   `short:"r" help:"Also what is below the directory."`
	Count     int    `short:"n" placeholder:"N" help:"End after so many events; the first, which says that it watches, does not count."`
}

// A fileEvent is an event as the JSON of files watch has it.
type fileEvent struct {
	vzcontract.FileEvent
	// PathBytes and FromBytes are there if a path is no UTF-8, which JSON does not keep.
	PathBytes []byte `json:"pathBytes,omitempty"`
	FromBytes []byte `json:"fromBytes,omitempty"`
}

// errEnough ends a watch after its last event.
var errEnough = errors.New("enough")

// Run implements command.Verb. A signal ends it, which is no failure.
func (c *filesWatch) Run(env *command.Env) error {
	if c.Count < 0 {
		return command.Usagef("files watch: -n %d: want a number of events", c.Count)
	}
	return with(env, c.Sandbox, func(box *vzsandbox.Sandbox) error {
		ctx, end := context.WithCancel(env.Ctx)
		defer end()
		defer env.Signals.Divert(func(os.Signal) { end() })()
		told := 0
		err := box.Watch(ctx, c.Path, vzcontract.WatchOptions{Recursive: c.Recursive}, func(e vzcontract.FileEvent) error {
			if err := printEvent(env, e); err != nil {
				return err
			}
			if e.Kind != vzcontract.FileWatching {
				told++
			}
			if c.Count > 0 && told == c.Count {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) || ctx.Err() != nil && env.Ctx.Err() == nil {
			return nil
		}
		return err
	})
}

// printEvent prints an event: its kind, its path and, after an arrow, what a move has made
// of it.
func printEvent(env *command.Env, e vzcontract.FileEvent) error {
	if env.Globals.JSON {
		out := fileEvent{FileEvent: e}
		if !utf8.ValidString(e.Path) {
			out.PathBytes = []byte(e.Path)
		}
		if !utf8.ValidString(e.From) {
			out.FromBytes = []byte(e.From)
		}
		return printJSON(env, out)
	}
	shown := func(path string) string {
		if e.Dir && path != "/" {
			path += "/"
		}
		return vzcontract.ShownPath(path)
	}
	line := string(e.Kind) + " " + shown(e.Path)
	if e.From != "" {
		line = string(e.Kind) + " " + shown(e.From) + " -> " + shown(e.Path)
	}
	return command.PrintLine(env, line)
}
