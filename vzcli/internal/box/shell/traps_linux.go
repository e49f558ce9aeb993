package shell

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"
)

// deadly are the signals that end a process and that process 1 survives.
var deadly = []os.Signal{
	unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM,
}

// ignoreVariable tells children the numbers of the signals that they are to
// ignore, with commas: the Go runtime handles those before main can look.
const ignoreVariable = "VZ_BOX_IGNORE"

// KeepAlive makes process 1 ignore signals as the kernel promises, and any
// process those that its parent ignores: the Go runtime would end it. Children
// of process 1 get the default handling again.
func KeepAlive() {
	if os.Getpid() == 1 {
		signal.Notify(make(chan os.Signal, 1), deadly...)
	}
	for _, sig := range ignored() {
		signal.Ignore(sig)
	}
}

// ignored returns the signals that this process ignores for its children too.
func ignored() (sigs []unix.Signal) {
	for text := range strings.SplitSeq(os.Getenv(ignoreVariable), ",") {
		if n, err := strconv.Atoi(text); err == nil && n > 0 && n < 65 {
			sigs = append(sigs, unix.Signal(n))
		}
	}
	return sigs
}

func setIgnored(sigs []unix.Signal) error {
	if len(sigs) == 0 {
		return os.Unsetenv(ignoreVariable)
	}
	var list []string
	for _, sig := range sigs {
		list = append(list, strconv.Itoa(int(sig)))
	}
	return os.Setenv(ignoreVariable, strings.Join(list, ","))
}

// traps are what the shell does on signals.
type traps struct {
	arrived chan os.Signal
	wake    chan struct{} // has an element while something is pending

	mu      sync.Mutex
	action  map[unix.Signal]string // guarded by mu
	pending []unix.Signal          // guarded by mu
}

func newTraps() *traps {
	t := &traps{arrived: make(chan os.Signal, 64), wake: make(chan struct{}, 1), action: map[unix.Signal]string{}}
	go func() {
		for s := range t.arrived {
			t.note(s.(unix.Signal))
		}
	}()
	return t
}

// note takes a signal in and reports whether there is a trap for it.
func (t *traps) note(sig unix.Signal) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.action[sig] == "" {
		return false
	}
	t.pending = append(t.pending, sig)
	select {
	case t.wake <- struct{}{}:
	default:
	}
	return true
}

// take returns the program of a signal that has arrived, or "".
func (t *traps) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.pending) > 0 {
		sig := t.pending[0]
		t.pending = t.pending[1:]
		if action := t.action[sig]; action != "" {
			return action
		}
	}
	select {
	case <-t.wake:
	default:
	}
	return ""
}

// set is the builtin trap for signals. It returns the arguments that are left
// for the interpreter, which knows EXIT and ERR.
func (t *traps) set(args []string, out io.Writer) (rest []string, err error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 || args[0] == "-p" {
		t.list(out)
		return nil, nil
	}
	action := args[0]
	names := args[1:]
	if len(names) == 0 {
		action, names = "-", args
	}
	rest = []string{action}
	for _, name := range names {
		switch name = strings.TrimPrefix(strings.ToUpper(name), "SIG"); name {
		case "EXIT", "0":
			rest = append(rest, "EXIT")
			continue
		case "ERR":
			rest = append(rest, "ERR")
			continue
		}
		sig, err := parseSignal(name)
		if err != nil {
			return nil, err
		}
		if err := t.setOne(sig, action); err != nil {
			return nil, err
		}
	}
	if len(rest) == 1 {
		return nil, nil
	}
	return rest, nil
}

func (t *traps) setOne(sig unix.Signal, action string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.action, sig)
	still := slices.DeleteFunc(ignored(), func(s unix.Signal) bool { return s == sig })
	switch action {
	case "-":
		signal.Reset(sig)
		if os.Getpid() == 1 && slices.Contains(deadly, os.Signal(sig)) {
			signal.Notify(t.arrived, sig)
		}
	case "":
		signal.Ignore(sig)
		still = append(still, sig)
	default:
		t.action[sig] = action
		signal.Notify(t.arrived, sig)
	}
	return setIgnored(still)
}

func (t *traps) list(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for sig := unix.Signal(1); sig < 65; sig++ {
		if action := t.action[sig]; action != "" {
			quoted, err := syntax.Quote(action, syntax.LangPOSIX)
			if err != nil {
				quoted = action
			}
			fmt.Fprintf(out, "trap -- %s %s\n", quoted, signalName(sig))
		}
	}
}
