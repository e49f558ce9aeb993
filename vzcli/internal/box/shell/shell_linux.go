package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"

	"vz.internal/vzcli/internal/box/applet"
)

// shell is a running sh.
type shell struct {
	runner      *interp.Runner
	children    *children
	traps       *traps
	interactive bool
	err         io.Writer
}

// Main is the program sh: sh [-ceuxi] [-c PROGRAM | FILE] [ARG...].
func Main(std *applet.IO, args []string) int {
	opts, file, params, err := parseArgs(args)
	if err != nil {
		return std.Fail(err)
	}
	s, err := newShell(std, opts)
	if err != nil {
		return std.Fail(err)
	}
	text, isText := opts.values['c']
	switch {
	case opts.job:
		return s.runJob()
	case isText:
		if len(params) > 0 {
			s.called(params[0])
			params = params[1:]
		}
		s.runner.Params = params
		return s.runText(text)
	case file != "":
		s.called(file)
		s.runner.Params = params
		f, err := os.Open(file)
		if err != nil {
			return s.fail(127, errors.New(applet.Text(err)))
		}
		defer f.Close()
		return s.runReader(f)
	}
	s.runner.Params = params
	if f, ok := std.In.(*os.File); ok && (term.IsTerminal(int(f.Fd())) || opts.interactive) {
		return s.interact(f)
	}
	return s.runReader(std.In)
}

type options struct {
	values      map[byte]string
	set         []string // for the interpreter
	interactive bool
	job         bool
}

func parseArgs(args []string) (o options, file string, params []string, err error) {
	o.values = map[byte]string{}
	wantText := false
	for len(args) > 0 && len(args[0]) > 1 && (args[0][0] == '-' || args[0][0] == '+') {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			break
		}
		if arg == jobFlag {
			o.job = true
			continue
		}
		if arg == "-o" && len(args) > 0 {
			o.set, args = append(o.set, arg, args[0]), args[1:]
			continue
		}
		for _, c := range arg[1:] {
			switch c {
			case 'c':
				wantText = true
			case 'i':
				o.interactive = true
			case 'l', 's':
			case 'e', 'u', 'x', 'f', 'n', 'a', 'v':
				o.set = append(o.set, arg[:1]+string(c))
			default:
				return o, "", nil, fmt.Errorf("unknown option -%c", c)
			}
		}
	}
	if wantText {
		if len(args) == 0 {
			return o, "", nil, errors.New("option -c needs a program")
		}
		o.values['c'] = args[0]
		return o, "", args[1:], nil
	}
	if len(args) == 0 {
		return o, "", nil, nil
	}
	return o, args[0], args[1:], nil
}

func newShell(std *applet.IO, opts options) (*shell, error) {
	s := &shell{err: std.Err, traps: newTraps(), children: newChildren()}
	runner, err := interp.New(
		interp.Env(expand.ListEnviron(withDefaults(os.Environ())...)),
		interp.StdIO(std.In, std.Out, std.Err),
		interp.CallHandler(s.call),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec }),
		interp.Params(opts.set...),
	)
	if err != nil {
		return nil, err
	}
	s.runner = runner
	s.called("sh")
	s.runText(varPID + "=" + strconv.Itoa(os.Getpid()))
	return s, nil
}

// called sets $0.
func (s *shell) called(name string) { s.runText(varName + "=" + quoteAll([]string{name})) }

func withDefaults(env []string) []string {
	for _, kv := range env {
		if strings.HasPrefix(kv, "PATH=") {
			return env
		}
	}
	return append(env, "PATH="+defaultPath)
}

func (s *shell) fail(status int, err error) int {
	fmt.Fprintf(s.err, "sh: %v\n", err)
	return status
}

func (s *shell) runText(text string) int { return s.runReader(strings.NewReader(text)) }

// runReader runs a program statement by statement: what follows a mistake in
// the syntax does not run, what precedes it does.
func (s *shell) runReader(r io.Reader) int {
	status := 0
	exited := false
	parser := syntax.NewParser(syntax.Variant(syntax.LangBash))
	if f, ok := r.(*os.File); ok && f != os.Stdin {
		r = bufio.NewReader(f)
	}
	for st, err := range parser.StmtsSeq(r) {
		if err != nil {
			s.finish()
			return s.fail(2, err)
		}
		rewrite(st)
		if status, exited = s.runStmt(context.Background(), st); exited {
			return status
		}
	}
	return s.exitTrap(status)
}

// run runs a whole program.
func (s *shell) run(file *syntax.File) int {
	status := 0
	exited := false
	for _, st := range file.Stmts {
		rewrite(st)
		if status, exited = s.runStmt(context.Background(), st); exited {
			return status
		}
	}
	return s.exitTrap(status)
}

// runStmt runs one statement and the traps that became due. Cancelling ctx is
// ctrl-C: the statement ends where it is.
func (s *shell) runStmt(ctx context.Context, st *syntax.Stmt) (status int, exited bool) {
	err := s.runner.Run(ctx, st)
	if ctx.Err() != nil {
		return 128 + int(unix.SIGINT), false
	}
	status = s.status(err)
	if s.runner.Exited() {
		return status, true
	}
	for action := s.traps.take(); action != ""; action = s.traps.take() {
		file, err := parseText(action, "trap")
		if err != nil {
			s.fail(2, err)
			continue
		}
		for _, st := range file.Stmts {
			rewrite(st)
			code := s.status(s.runner.Run(context.Background(), st))
			if s.runner.Exited() {
				return code, true
			}
		}
	}
	return status, false
}

func (s *shell) finish() { s.exitTrap(0) }

// exitTrap runs the trap for EXIT: an empty program ends as a whole one does.
func (s *shell) exitTrap(status int) int {
	if err := s.runner.Run(context.Background(), &syntax.File{}); err != nil || s.runner.Exited() {
		return s.status(err)
	}
	return status
}

func (s *shell) status(err error) int {
	if err == nil {
		return 0
	}
	if code := interp.ExitStatus(0); errors.As(err, &code) {
		return int(code)
	}
	return s.fail(1, err)
}
