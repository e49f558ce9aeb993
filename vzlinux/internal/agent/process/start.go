package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// defaultPath is searched when the request's environment has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func start(req agentproto.ExecRequest, streams *agentproto.Streams) (*Process, agentproto.ExecStarted, error) {
	var none agentproto.ExecStarted
	if len(req.Args) == 0 || req.Args[0] == "" {
		return nil, none, vzcontract.Errorf(vzcontract.ErrValidation, "there is no program to start")
	}
	for _, s := range slices.Concat(req.Args, req.Env, []string{req.Dir}) {
		if strings.ContainsRune(s, 0) {
			return nil, none, vzcontract.Errorf(vzcontract.ErrValidation, "a zero byte in %q", s)
		}
	}
	who, err := lookup(req.User, req.Groups)
	if err != nil {
		return nil, none, err
	}
	env := environment(req.Env, who)
	path, err := find(req.Args[0], req.Dir, env)
	if err != nil {
		return nil, none, err
	}
	cmd := &exec.Cmd{Path: path, Args: req.Args, Env: env, Dir: req.Dir}
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if req.User != "" || len(req.Groups) > 0 {
		cmd.SysProcAttr.Credential = who.credential()
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	io, err := open(req, cmd)
	if err != nil {
		return nil, none, err
	}
	p.terminal = io.terminal
	p.group, err = newGroup(cmd.SysProcAttr)
	if err == nil {
		err = cmd.Start()
		p.group.started()
	}
	io.closeChild()
	if err != nil {
		io.closeOurs()
		p.group.remove()
		return nil, none, startError(req.Args[0], err)
	}
	go p.watch(req.Limit)
	started, err := io.serve(streams)
	if err != nil {
		p.Kill()
		return nil, none, err
	}
	started.PID = cmd.Process.Pid
	return p, started, nil
}

func startError(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return vzcontract.Errorf(vzcontract.ErrNoSuchProgram, "start %s: %w", name, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.ENOEXEC), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR):
		return vzcontract.Errorf(vzcontract.ErrCannotExec, "start %s: %w", name, err)
	}
	return err
}

// environment adds to env what every program expects.
func environment(env []string, who identity) []string {
	have := func(name string) bool {
		return slices.ContainsFunc(env, func(s string) bool { return strings.HasPrefix(s, name+"=") })
	}
	out := slices.Clone(env)
	for _, d := range []struct{ name, value string }{{"PATH", defaultPath}, {"HOME", who.home}, {"USER", who.name}} {
		if !have(d.name) && d.value != "" {
			out = append(out, d.name+"="+d.value)
		}
	}
	return out
}

// find resolves name as execvp would with env's PATH.
func find(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join("/", dir, name)
		}
		return name, nil
	}
	search := defaultPath
	for _, e := range env {
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			search = value
		}
	}
	var denied string
	for _, d := range filepath.SplitList(search) {
		if !filepath.IsAbs(d) {
			d = filepath.Join("/", dir, d)
		}
		path := filepath.Join(d, name)
		info, err := os.Stat(path)
		switch {
		case err != nil || info.IsDir():
		case info.Mode()&0o111 == 0:
			denied = path
		default:
			return path, nil
		}
	}
	if denied != "" {
		return "", vzcontract.Errorf(vzcontract.ErrCannotExec, "start %s: %s is not executable", name, denied)
	}
	return "", vzcontract.Errorf(vzcontract.ErrNoSuchProgram, "start %s: not found in %s", name, search)
}
