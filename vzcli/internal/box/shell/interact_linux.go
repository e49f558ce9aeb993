package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
	"mvdan.cc/sh/v3/syntax"
)

// interact reads lines from a terminal and runs them.
func (s *shell) interact(tty *os.File) int {
	s.interactive = true
	signal.Notify(s.traps.arrived, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT) // end programs, not the shell
	status := 0
	lines := newLineReader(tty)
	pending := ""
	for {
		prompt := "# "
		switch {
		case pending != "":
			prompt = "> "
		case os.Geteuid() != 0:
			prompt = "$ "
		}
		if pending == "" {
			prompt = s.runner.Dir + " " + prompt
		}
		line, err := lines.read(prompt)
		switch {
		case errors.Is(err, errInterrupted):
			pending = ""
			continue
		case errors.Is(err, io.EOF):
			return s.exitTrap(status)
		case err != nil:
			return s.fail(1, err)
		}
		file, err := parseText(pending+line+"\n", "sh")
		if syntax.IsIncomplete(err) {
			pending += line + "\n"
			continue
		}
		pending = ""
		if err != nil {
			status = s.fail(2, err)
			continue
		}
		var exited bool
		if status, exited = s.line(file); exited {
			return status
		}
	}
}

// line runs what was typed, until ctrl-C.
func (s *shell) line(file *syntax.File) (status int, exited bool) {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT)
	defer stop()
	for _, st := range file.Stmts {
		rewrite(st)
		if status, exited = s.runStmt(ctx, st); exited || ctx.Err() != nil {
			break
		}
	}
	if !exited && ctx.Err() != nil {
		return s.runStmt(context.Background(), interrupted) // for $?, also between two programs
	}
	return status, exited
}

// interrupted gives the status of what ctrl-C has ended.
var interrupted = func() *syntax.Stmt {
	file, err := parseText("(exit 130)\n", "sh")
	if err != nil {
		panic(err) // it is a constant
	}
	return file.Stmts[0]
}()

var errInterrupted = errors.New("interrupted")

// lineReader edits lines; between them the terminal is as it was, so that
// ctrl-C reaches the programs that run.
type lineReader struct {
	tty         *os.File
	terminal    *term.Terminal
	interrupted bool
}

func newLineReader(tty *os.File) *lineReader {
	l := &lineReader{tty: tty}
	l.terminal = term.NewTerminal(l, "")
	return l
}

const (
	ctrlC = 3
	ctrlU = 21
)

// Read implements io.Reader for the terminal. ctrl-C clears the line and ends
// it.
func (l *lineReader) Read(p []byte) (int, error) {
	if len(p) > 1 {
		p = p[:len(p)-1] // room for a second byte
	}
	n, err := l.tty.Read(p)
	if i := strings.IndexByte(string(p[:n]), ctrlC); i >= 0 {
		l.interrupted = true
		p = append(p[:0], ctrlU, '\r')
		return len(p), nil
	}
	return n, err
}

// Write implements io.Writer for the terminal.
func (l *lineReader) Write(p []byte) (int, error) { return l.tty.Write(p) }

func (l *lineReader) read(prompt string) (string, error) {
	fd := int(l.tty.Fd())
	if !term.IsTerminal(fd) {
		return l.plain()
	}
	old, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("prepare terminal: %w", err)
	}
	defer func() { _ = term.Restore(fd, old) }()
	if w, h, err := term.GetSize(fd); err == nil && w > 0 {
		_ = l.terminal.SetSize(w, h) // else it assumes 80x24
	}
	l.interrupted = false
	l.terminal.SetPrompt(prompt)
	line, err := l.terminal.ReadLine()
	if l.interrupted {
		return "", errInterrupted
	}
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	if err == io.EOF {
		_, _ = io.WriteString(l.tty, "\r\n") // only looks
	}
	return line, err
}

// plain reads a line from what is no terminal, byte by byte.
func (l *lineReader) plain() (string, error) {
	var line []byte
	b := make([]byte, 1)
	for {
		n, err := l.tty.Read(b)
		if n == 1 && b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[:n]...)
		if err != nil {
			if err == io.EOF && len(line) > 0 {
				return string(line), nil
			}
			return "", err
		}
	}
}
