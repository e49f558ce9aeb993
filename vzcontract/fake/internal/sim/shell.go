package sim

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"

	"vz.internal/vzcontract/fake/internal/tree"
)

// A shell interprets a part of the POSIX shell language: lists, pipelines,
// redirections, if, while, until, for, groups, subshells, traps, jobs and the
// common expansions.
type shell struct {
	p       *Process
	name    string
	params  []string
	vars    map[string]string
	exports map[string]bool
	status  int
	lastJob int
	jobs    []*Process
	errexit bool
	exiting bool
	files   [3]File // stdin, stdout, stderr
}

// runShell is the program sh.
func runShell(p *Process) int {
	args := p.Args[1:]
	switch {
	case len(args) >= 2 && strings.HasPrefix(args[0], "-") && strings.HasSuffix(args[0], "c"):
		line := args[1]
		rest := append([]string{p.Args[0]}, args[2:]...)
		if len(args) > 2 {
			rest = args[2:]
		}
		sh := newShell(p, rest)
		sh.errexit = strings.Contains(args[0], "e")
		return sh.source(line)
	case len(args) >= 1 && !strings.HasPrefix(args[0], "-"):
		n, err := p.k.FS.Stat(p.abs(args[0]))
		if err != nil {
			p.errorf("sh: can't open '%s': %s", args[0], tree.Errno(err))
			return 127
		}
		return newShell(p, args).source(string(n.Data))
	}
	return newShell(p, []string{p.Args[0]}).interactive()
}

func runScript(p *Process, script string, args []string) int {
	return newShell(p, args).source(script)
}

func newShell(p *Process, args []string) *shell {
	sh := &shell{
		p: p, name: args[0], params: args[1:], vars: map[string]string{}, exports: map[string]bool{},
		files: [3]File{p.stdin(), p.stdout(), p.stderr()},
	}
	for _, entry := range p.Env {
		name, value, _ := strings.Cut(entry, "=")
		sh.vars[name], sh.exports[name] = value, true
	}
	return sh
}

// interactive reads commands from stdin, a line at a time.
func (sh *shell) interactive() int {
	for !sh.exiting {
		if sh.p.TTY != nil {
			sh.write(2, "/ # ")
		}
		line, err := readLine(sh.p, sh.files[0])
		if err != nil && line == "" {
			break
		}
		sh.source(line)
	}
	return sh.status
}

func (sh *shell) source(text string) int {
	l, err := parse(text)
	if err != nil {
		sh.errorf("sh: %v", err)
		sh.status = 2
		return 2
	}
	sh.list(l)
	if action := sh.p.trapAction(0); action != "" && sh.p.ctx.Err() == nil {
		sh.p.setTrap(0, nil)
		status := sh.status
		sh.exiting = false
		sh.source(action)
		if !sh.exiting {
			sh.status = status
		}
	}
	return sh.status
}

func (sh *shell) list(l list) {
	for _, it := range l {
		if !sh.alive() {
			return
		}
		if it.background {
			sh.background(it)
			continue
		}
		sh.item(it)
	}
}

// alive runs the traps that are due and reports whether to go on.
func (sh *shell) alive() bool {
	for _, sig := range sh.p.takePending() {
		status := sh.status
		if l, err := parse(sh.p.trapAction(sig)); err == nil && !sh.exiting {
			sh.list(l)
		}
		if !sh.exiting {
			sh.status = status
		}
	}
	return !sh.exiting && sh.p.gate()
}

func (sh *shell) item(it item) {
	sh.pipeline(it.first)
	checked := len(it.rest) > 0 || it.first.negate
	for _, next := range it.rest {
		if sh.exiting {
			return
		}
		if (next.op == "&&") == (sh.status == 0) {
			sh.pipeline(next.pipeline)
		}
	}
	if sh.errexit && sh.status != 0 && !checked {
		sh.exiting = true
	}
}

func (sh *shell) pipeline(pl pipeline) {
	if len(pl.stages) == 1 {
		sh.stage(pl.stages[0])
	} else {
		sh.piped(pl.stages)
	}
	if pl.negate {
		sh.status = boolStatus(sh.status != 0)
	}
}

// piped runs all stages at once, each in a shell of its own.
func (sh *shell) piped(stages []stage) {
	var running []*Process
	stdin := sh.files[0]
	var before *Pipe
	for i, s := range stages {
		sub := sh.clone()
		sub.files[0] = stdin
		var out *Pipe
		if i < len(stages)-1 {
			out = NewPipe()
			sub.files[1] = out
		}
		in := before
		p, err := sh.fork(sub, func() {
			sub.stage(s)
			if out != nil {
				out.CloseWrite()
			}
			if in != nil {
				in.CloseRead()
			}
		})
		if err != nil {
			sh.errorf("sh: fork: %v", err)
			sh.status = 2
			return
		}
		running = append(running, p)
		stdin, before = File(out), out
	}
	for _, p := range running {
		sh.status = sh.wait(p)
	}
}

func (sh *shell) clone() *shell {
	sub := *sh
	sub.vars, sub.exports = maps.Clone(sh.vars), maps.Clone(sh.exports)
	sub.jobs = nil
	return &sub
}

// fork runs body as a process of its own for sub.
func (sh *shell) fork(sub *shell, body func()) (*Process, error) {
	return sh.p.k.fork(sh.p, sub.spec(sh.p.Args), func(p *Process) int {
		sub.p = p
		body()
		return sub.status
	})
}

func (sh *shell) background(it item) {
	sub := sh.clone()
	sub.files[0] = Null
	p, err := sh.fork(sub, func() { sub.item(it) })
	if err != nil {
		sh.errorf("sh: fork: %v", err)
		sh.status = 2
		return
	}
	sh.lastJob, sh.jobs, sh.status = p.PID, append(sh.jobs, p), 0
}

// wait returns the status of a child that has ended.
func (sh *shell) wait(child *Process) int {
	sh.p.blocked(func() {
		select {
		case <-child.done:
		case <-sh.p.ctx.Done():
		}
	})
	if sh.p.ctx.Err() != nil {
		return sh.status
	}
	return child.Status().Code
}

func (sh *shell) stage(s stage) {
	saved := sh.files
	opened, err := sh.redirect(s.redirs)
	if err != nil {
		sh.errorf("sh: %v", err)
		sh.status = 1
		return
	}
	sh.files = opened
	// exec without a program keeps its redirections.
	if !(s.kind == "" && len(s.words) == 1 && len(s.words[0]) == 1 && s.words[0][0].text == "exec") {
		defer func() { sh.files = saved }()
	}
	switch s.kind {
	case "while", "until":
		status := 0
		for sh.alive() {
			sh.list(s.cond)
			if sh.exiting || (sh.status == 0) != (s.kind == "while") {
				break
			}
			sh.list(s.body)
			status = sh.status
		}
		if !sh.exiting {
			sh.status = status
		}
	case "for":
		values, err := sh.expand(s.words)
		if err != nil {
			sh.fail(err)
			return
		}
		for _, v := range values {
			if !sh.alive() {
				return
			}
			sh.vars[s.name] = v
			sh.list(s.body)
		}
	case "if":
		errexit := sh.errexit
		sh.errexit = false
		sh.list(s.cond)
		sh.errexit = errexit
		switch {
		case sh.exiting:
		case sh.status == 0:
			sh.list(s.body)
		default:
			sh.status = 0
			sh.list(s.alt)
		}
	case "{":
		sh.list(s.body)
	case "(":
		sub := sh.clone()
		p, err := sh.fork(sub, func() { sub.list(s.body) })
		if err != nil {
			sh.fail(err)
			return
		}
		sh.status = sh.wait(p)
	default:
		sh.simple(s)
	}
}

func (sh *shell) redirect(redirs []redir) (files [3]File, err error) {
	files = sh.files
	for _, r := range redirs {
		target, err := sh.text(r.target)
		if err != nil {
			return files, err
		}
		if r.fd > 2 {
			return files, errors.New("only descriptors 0, 1 and 2 can be redirected here")
		}
		switch r.op {
		case ">&", "<&":
			if len(target) != 1 || target[0] < '0' || target[0] > '2' {
				return files, fmt.Errorf("%s: bad file descriptor", target)
			}
			files[r.fd] = files[target[0]-'0']
			continue
		}
		f, err := sh.open(target, r.op)
		if err != nil {
			return files, fmt.Errorf("can't open %s: %s", target, tree.Errno(err))
		}
		files[r.fd] = f
	}
	return files, nil
}

func (sh *shell) open(name, op string) (File, error) {
	name = sh.p.abs(name)
	switch name {
	case "/dev/null":
		return Null, nil
	case "/dev/stdout", "/proc/self/fd/1":
		return sh.files[1], nil
	case "/dev/stderr", "/proc/self/fd/2":
		return sh.files[2], nil
	}
	if op == "<" {
		return openRead(sh.p.k.FS, name)
	}
	if err := sh.p.mayWrite(path.Dir(name), name); err != nil {
		return nil, err
	}
	return openWrite(sh.p.k.FS, name, op == ">>")
}

// spec describes a child that takes over the shell's files and variables.
func (sh *shell) spec(args []string) Spec {
	s := sh.p.Spec
	s.Args, s.Stdin, s.Stdout, s.Stderr = args, sh.files[0], sh.files[1], sh.files[2]
	s.Env = nil
	for _, name := range slices.Sorted(maps.Keys(sh.exports)) {
		s.Env = append(s.Env, name+"="+sh.vars[name])
	}
	return s
}

func (sh *shell) fail(err error) {
	sh.errorf("sh: %v", err)
	sh.status, sh.exiting = 2, true
}

func (sh *shell) errorf(format string, args ...any) {
	sh.write(2, fmt.Sprintf(format, args...)+"\n")
}

func (sh *shell) write(fd int, text string) bool {
	_, err := sh.files[fd].Write(sh.p.ctx.Done(), []byte(text))
	if errors.Is(err, syscall.EPIPE) {
		sh.p.Signal(int(syscall.SIGPIPE))
	}
	return err == nil
}

func boolStatus(ok bool) int {
	if ok {
		return 0
	}
	return 1
}
