package sim

import (
	"errors"
	"path"
	"strconv"
	"strings"
	"syscall"

	"vz.internal/vzcontract/fake/internal/tree"
)

// builtins are the commands that change the shell itself.
var builtins map[string]func(sh *shell, args []string) int

func init() {
	builtins = map[string]func(sh *shell, args []string) int{
		":":     func(*shell, []string) int { return 0 },
		"cd":    builtinCd,
		"exec":  builtinExec,
		"exit":  builtinExit,
		"set":   builtinSet,
		"read":  builtinRead,
		"trap":  builtinTrap,
		"unset": builtinUnset,
		"wait":  builtinWait,
		"export": func(sh *shell, args []string) int {
			for _, arg := range args {
				name, value, set := strings.Cut(arg, "=")
				if set {
					sh.vars[name] = value
				}
				sh.exports[name] = true
			}
			return 0
		},
		"umask": func(*shell, []string) int { return 0 },
	}
}

func (sh *shell) simple(s stage) {
	args, err := sh.expand(s.words)
	if err != nil {
		sh.fail(err)
		return
	}
	values := make(map[string]string, len(s.assigns))
	for _, a := range s.assigns {
		if values[a.name], err = sh.text(a.value); err != nil {
			sh.fail(err)
			return
		}
	}
	if len(args) == 0 {
		sh.status = 0
		for name, value := range values {
			sh.vars[name] = value
		}
		sh.checkMemory()
		return
	}
	if builtin, ok := builtins[args[0]]; ok {
		for name, value := range values {
			sh.vars[name] = value
		}
		status := builtin(sh, args[1:])
		if !sh.exiting || args[0] == "exit" || args[0] == "exec" {
			sh.status = status
		}
		return
	}
	sh.run(args, values)
}

func (sh *shell) checkMemory() {
	limit := sh.p.k.memoryLimit()
	if limit <= 0 {
		limit = 1 << 30
	}
	var size int64
	for _, value := range sh.vars {
		size += int64(len(value))
	}
	if size > limit/2 { // a shell holds a variable twice while it assigns
		sh.vars = map[string]string{}
		sh.p.outOfMemory()
	}
}

func (sh *shell) start(args []string, env map[string]string) (*Process, int) {
	spec := sh.spec(args)
	for name, value := range env {
		spec.Env = append(spec.Env, name+"="+value)
	}
	child, err := sh.p.k.Start(spec, sh.p)
	switch {
	case errors.Is(err, ErrNotFound):
		sh.errorf("sh: %s: not found", args[0])
		return nil, 127
	case errors.Is(err, ErrNotExec):
		sh.errorf("sh: %s: Permission denied", args[0])
		return nil, 126
	case err != nil:
		sh.errorf("sh: %s: %v", args[0], err)
		return nil, 2
	}
	return child, 0
}

func (sh *shell) run(args []string, env map[string]string) {
	child, status := sh.start(args, env)
	if child == nil {
		sh.status = status
		return
	}
	sh.status = sh.wait(child)
}

func builtinExec(sh *shell, args []string) int {
	if len(args) == 0 {
		return sh.status
	}
	spec := sh.spec(args)
	prog, err := sh.p.k.lookup(spec)
	if err != nil {
		sh.errorf("sh: exec: %s: %v", args[0], err)
		sh.exiting = true
		return 127
	}
	sh.p.Spec = spec
	sh.p.mu.Lock()
	for sig, action := range sh.p.traps {
		if action != "" {
			delete(sh.p.traps, sig)
		}
	}
	sh.p.mu.Unlock()
	sh.exiting = true
	return prog(sh.p)
}

func builtinCd(sh *shell, args []string) int {
	dir := sh.vars["HOME"]
	if len(args) > 0 {
		dir = args[0]
	}
	n, err := sh.p.k.FS.Stat(sh.p.abs(dir))
	if err == nil && !n.Mode.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		sh.errorf("sh: cd: can't cd to %s: %s", dir, tree.Errno(err))
		return 2
	}
	sh.p.enter(sh.p.abs(dir))
	sh.vars["PWD"] = sh.p.Dir
	return 0
}

func builtinExit(sh *shell, args []string) int {
	sh.exiting = true
	if len(args) == 0 {
		return sh.status
	}
	code, err := strconv.Atoi(args[0])
	if err != nil {
		sh.errorf("sh: exit: bad number '%s'", args[0])
		return 2
	}
	return code & 0xff
}

func builtinSet(sh *shell, args []string) int {
	for i, arg := range args {
		switch arg {
		case "--":
			sh.params = args[i+1:]
			return 0
		case "-e":
			sh.errexit = true
		case "+e":
			sh.errexit = false
		}
	}
	return 0
}

func builtinUnset(sh *shell, args []string) int {
	for _, name := range args {
		delete(sh.vars, name)
		delete(sh.exports, name)
	}
	return 0
}

func builtinRead(sh *shell, args []string) int {
	if len(args) > 0 && args[0] == "-r" {
		args = args[1:]
	}
	line, err := readLine(sh.p, sh.files[0])
	line = strings.TrimSuffix(line, "\n")
	for i, name := range args {
		field := strings.TrimSpace(line)
		if i < len(args)-1 {
			field, line, _ = strings.Cut(field, " ")
		}
		sh.vars[name] = field
	}
	return boolStatus(err == nil)
}

func builtinTrap(sh *shell, args []string) int {
	if len(args) < 2 {
		return 0
	}
	for _, name := range args[1:] {
		sig, ok := SignalNumber(name)
		if !ok {
			sh.errorf("sh: trap: %s: invalid signal specification", name)
			return 1
		}
		if args[0] == "-" {
			sh.p.setTrap(sig, nil)
		} else {
			sh.p.setTrap(sig, &args[0])
		}
	}
	return 0
}

func builtinWait(sh *shell, args []string) int {
	jobs := sh.jobs
	if len(args) > 0 {
		jobs = nil
		for _, job := range sh.jobs {
			if strconv.Itoa(job.PID) == args[0] {
				jobs = append(jobs, job)
			}
		}
		if len(jobs) == 0 {
			return 127
		}
	}
	status := 0
	for _, job := range jobs {
		interrupted := false
		sh.p.blocked(func() {
			select {
			case <-job.done:
			case <-sh.p.wake:
				interrupted = true
			case <-sh.p.ctx.Done():
			}
		})
		if interrupted {
			return 143
		}
		if len(args) > 0 {
			status = job.Status().Code
		}
	}
	return status
}

// abs returns the absolute form of a path of the process.
func (p *Process) abs(name string) string {
	if path.IsAbs(name) {
		return name
	}
	return p.Dir + "/" + name
}

func (p *Process) trapAction(sig int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.traps[sig]
}

// setTrap sets the action for a signal (0 is the shell's exit), nil for the
// default.
func (p *Process) setTrap(sig int, action *string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if action == nil {
		delete(p.traps, sig)
		return
	}
	p.traps[sig] = *action
}

// capture runs text in a subshell and returns its output without the newlines
// at its end.
func (sh *shell) capture(text string) (string, error) {
	l, err := parse(text)
	if err != nil {
		return "", err
	}
	out := NewPipe()
	sub := sh.clone()
	sub.files[1] = out
	p, err := sh.fork(sub, func() {
		sub.list(l)
		out.CloseWrite()
	})
	if err != nil {
		return "", err
	}
	b, err := readAll(sh.p, out)
	if err != nil {
		return "", err
	}
	sh.status = sh.wait(p)
	return strings.TrimRight(string(b), "\n"), nil
}
