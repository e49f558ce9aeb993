package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// replaced are builtins of the interpreter that the shell does itself.
var replaced = map[string]string{
	"wait": callWait, "kill": callKill, "umask": callUmask, "jobs": callJobs, "hash": "true",
}

func isBuiltin(name string) bool { return interp.IsBuiltin(name) }

// call is asked before each simple command. Traps that are due run before it.
func (s *shell) call(ctx context.Context, args []string) ([]string, error) {
	if action := s.traps.take(); action != "" {
		return []string{"eval", prepare(action) + "\n" + quoteAll(args)}, nil
	}
	switch args[0] {
	case "eval":
		return []string{"eval", prepare(strings.Join(args[1:], " "))}, nil
	case "trap":
		return s.trap(ctx, args[1:])
	case callBackground:
		return s.background(ctx, args[1], args[2:])
	}
	if name, ok := replaced[args[0]]; ok {
		return append([]string{name}, args[1:]...), nil
	}
	return args, nil
}

// prepare rewrites a program in text form. One with a mistake stays as it is:
// the interpreter reports it.
func prepare(text string) string {
	file, err := parseText(text, "")
	if err != nil {
		return text
	}
	rewrite(file)
	return source(file)
}

func quoteAll(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		q, err := syntax.Quote(a, syntax.LangBash)
		if err != nil {
			q = "''" // an argument with a NUL, which no program can get
		}
		quoted[i] = q
	}
	return strings.Join(quoted, " ")
}

func (s *shell) trap(ctx context.Context, args []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	rest, err := s.traps.set(args, hc.Stdout)
	if err != nil {
		fmt.Fprintf(hc.Stderr, "sh: trap: %v\n", err)
		return []string{"false"}, nil
	}
	if rest == nil {
		if len(args) == 0 {
			return []string{"trap"}, nil // it lists its own
		}
		return []string{"true"}, nil
	}
	return append([]string{"trap", "--"}, rest...), nil
}

// background starts a job and sets $!.
func (s *shell) background(ctx context.Context, text string, params []string) ([]string, error) {
	hc := interp.HandlerCtx(ctx)
	ch, err := s.startJob(hc, text, params)
	if err != nil {
		fmt.Fprintf(hc.Stderr, "sh: cannot fork: %v\n", err)
		return []string{"false"}, nil
	}
	return []string{"eval", varBackground + "=" + strconv.Itoa(ch.pid)}, nil
}
