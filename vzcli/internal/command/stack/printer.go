package stack

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzstack"
)

// A printer shows progress, one line per step.
type printer struct {
	mu    sync.Mutex
	w     io.Writer // guarded by mu
	quiet bool
}

func newPrinter(env *command.Env) *printer {
	return &printer{w: env.Stderr, quiet: env.Globals.Quiet || env.Globals.Progress == "quiet" || os.Getenv("COMPOSE_PROGRESS") == "quiet"}
}

func (p *printer) progress(step vzstack.Progress) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, " %s %s  %s\n", step.Kind, command.OneLine(step.Name), step.Action) // nowhere to report a lost line to
}

// colours are those of docker compose, in its order.
var colours = []string{"36", "33", "32", "35", "34", "96", "93", "92", "95", "94"}

// A lines prints output with the name of its container before each line.
type lines struct {
	mu       sync.Mutex
	out, err io.Writer         // guarded by mu
	paint    bool              // colour the prefixes
	plain    bool              // no prefixes
	times    bool              // show times
	width    int               // of the longest name; guarded by mu
	colour   map[string]string // by container; guarded by mu
}

// newLines returns a printer whose names are padded to the widest of names.
func newLines(env *command.Env, ansi string, names []string) *lines {
	_, terminal := command.Terminal(env.Stdout)
	l := &lines{out: env.Stdout, err: env.Stderr, colour: map[string]string{}}
	ansi = cmp.Or(ansi, os.Getenv("COMPOSE_ANSI"))
	l.paint = (terminal || ansi == "always") && ansi != "never" && os.Getenv("NO_COLOR") == ""
	for _, name := range names {
		l.width = max(l.width, len(name))
	}
	return l
}

// short is a container's name without the project's.
func short(project, name string) string { return strings.TrimPrefix(name, project+"-") }

func (l *lines) print(line vzstack.Line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.out
	if line.Stream == "stderr" {
		w = l.err
	}
	text := line.Text
	if len(text) == 0 || text[len(text)-1] != '\n' {
		text = append(append([]byte(nil), text...), '\n')
	}
	stamp := ""
	if l.times {
		stamp = line.Time.UTC().Format("2006-01-02T15:04:05.000000000Z") + " "
	}
	_, err := fmt.Fprintf(w, "%s%s%s", l.prefix(short(line.Container.Project, line.Container.Name)), stamp, text)
	return err
}

// note prints a line of vz's own about a container.
func (l *lines) note(project, name, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line := short(project, name) + " " + text
	if prefix := l.prefix(short(project, name)); l.paint && prefix != "" {
		line = "\x1b[" + l.colour[short(project, name)] + "m" + line + "\x1b[0m"
	}
	fmt.Fprintln(l.out, line)
}

// prefix is "name  | " in the container's colour, under mu.
func (l *lines) prefix(name string) string {
	if l.plain {
		return ""
	}
	l.width = max(l.width, len(name))
	text := fmt.Sprintf("%-*s  | ", l.width, name)
	if !l.paint {
		return text
	}
	if l.colour[name] == "" {
		l.colour[name] = colours[len(l.colour)%len(colours)]
	}
	return "\x1b[" + l.colour[name] + "m" + text + "\x1b[0m"
}
