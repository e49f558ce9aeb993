package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"vz.internal/vzcli/internal/box/applet"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// exec runs what is neither a function nor a builtin of the interpreter.
func (s *shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	status := 0
	switch args[0] {
	case callExec:
		status = s.replace(hc, args[1:])
	case callWait:
		status = s.wait(hc, args[1:])
	case callKill:
		status = kill(s.signal, &applet.IO{Name: "sh: kill", In: hc.Stdin, Out: hc.Stdout, Err: hc.Stderr}, args[1:])
	case callUmask:
		status = umask(hc, args[1:])
	case callJobs:
		status = s.listJobs(hc)
	default:
		status = s.program(ctx, hc, args)
	}
	if status != 0 {
		return interp.ExitStatus(status)
	}
	return nil
}

// signal sends sig. To the shell itself it comes at once, so that the trap runs
// before the next command.
func (s *shell) signal(pid int, sig unix.Signal) error {
	if pid == os.Getpid() && s.traps.note(sig) {
		return nil
	}
	return unix.Kill(pid, sig)
}

// find returns the program's path, or the exit status that says why not.
func find(hc interp.HandlerContext, name string) (path string, status int, err error) {
	if strings.Contains(name, "/") {
		return executable(absolute(hc.Dir, name), name)
	}
	list := defaultPath
	if v := hc.Env.Get("PATH"); v.IsSet() {
		list = v.String()
	}
	status, err = 127, fmt.Errorf("%s: not found", name)
	for _, dir := range filepath.SplitList(list) {
		at := absolute(hc.Dir, filepath.Join(dir, name))
		path, code, why := executable(at, name)
		if why == nil {
			return path, 0, nil
		}
		if code == 126 {
			status, err = code, why
		}
	}
	return "", status, err
}

func absolute(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

func executable(path, name string) (string, int, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil && errors.Is(err, os.ErrPermission):
		return "", 126, fmt.Errorf("%s: permission denied", name)
	case err != nil:
		return "", 127, fmt.Errorf("%s: not found", name)
	case st.IsDir():
		return "", 126, fmt.Errorf("%s: is a directory", name)
	case unix.Access(path, unix.X_OK) != nil:
		return "", 126, fmt.Errorf("%s: permission denied", name)
	}
	return path, 0, nil
}

// environ is the environment of a new process.
func environ(env expand.Environ) []string {
	var all []string
	if v, ok := os.LookupEnv(ignoreVariable); ok {
		all = append(all, ignoreVariable+"="+v)
	}
	env.Each(func(name string, v expand.Variable) bool {
		if v.Exported && v.Kind == expand.String && name != ignoreVariable {
			all = append(all, name+"="+v.Str)
		}
		return true
	})
	return all
}

// streams returns the files of a new process. Where the interpreter collects
// output a pipe is put between; done closes the process's ends, and wait waits
// until all is copied.
func streams(hc interp.HandlerContext) (files []*os.File, done func(), err error) {
	files, done, _, err = piped(hc)
	return files, done, err
}

func piped(hc interp.HandlerContext) (files []*os.File, done, wait func(), err error) {
	var ends []*os.File
	var copying sync.WaitGroup
	out := func(w io.Writer) (*os.File, error) {
		if f, ok := w.(*os.File); ok {
			return f, nil
		}
		r, pw, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ends = append(ends, pw)
		copying.Go(func() {
			_, _ = io.Copy(w, r) // to memory
			_ = r.Close()        // only read from
		})
		return pw, nil
	}
	stdin, ok := hc.Stdin.(*os.File)
	if !ok || stdin == nil {
		if stdin, err = os.Open(os.DevNull); err != nil {
			return nil, nil, nil, err
		}
		ends = append(ends, stdin)
	}
	done = func() {
		for _, f := range ends {
			_ = f.Close() // the process has its own
		}
	}
	stdout, err := out(hc.Stdout)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	stderr, err := out(hc.Stderr)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	return []*os.File{stdin, stdout, stderr}, done, copying.Wait, nil
}

// program runs an external program and waits for it. ctrl-C may have come just
// before the program was there to get it; then it gets it from here.
func (s *shell) program(ctx context.Context, hc interp.HandlerContext, args []string) int {
	path, status, err := find(hc, args[0])
	if err != nil {
		fmt.Fprintf(hc.Stderr, "sh: %v\n", err)
		return status
	}
	files, done, wait, err := piped(hc)
	if err != nil {
		fmt.Fprintf(hc.Stderr, "sh: %v\n", err)
		return 1
	}
	attr := &os.ProcAttr{Dir: hc.Dir, Env: environ(hc.Env), Files: files}
	ch, err := s.children.start(path, args, attr)
	if errors.Is(err, unix.ENOEXEC) { // a script without a first line that says of what
		ch, err = s.children.start(self(), append([]string{"sh", path}, args[1:]...), attr)
	}
	done()
	if err != nil {
		return startFailed(hc, args[0], err)
	}
	select {
	case <-ch.done:
	case <-ctx.Done():
		_ = unix.Kill(ch.pid, unix.SIGINT) // it may have ended
		<-ch.done
	}
	wait()
	return ch.status
}

func startFailed(hc interp.HandlerContext, name string, err error) int {
	var perr *os.PathError
	if errors.As(err, &perr) {
		err = perr.Err
	}
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOMEM):
		fmt.Fprintf(hc.Stderr, "sh: cannot fork: %v\n", err)
		return 2
	case errors.Is(err, unix.ENOENT):
		fmt.Fprintf(hc.Stderr, "sh: %s: not found\n", name)
		return 127
	}
	fmt.Fprintf(hc.Stderr, "sh: %s: %v\n", name, err)
	return 126
}

// replace is exec: the process becomes another program.
func (s *shell) replace(hc interp.HandlerContext, args []string) int {
	path, status, err := find(hc, args[0])
	if err != nil {
		fmt.Fprintf(hc.Stderr, "sh: exec: %v\n", err)
		os.Exit(status)
	}
	files, _, err := streams(hc)
	if err != nil {
		fmt.Fprintf(hc.Stderr, "sh: exec: %v\n", err)
		os.Exit(1)
	}
	if err := become(path, args, environ(hc.Env), hc.Dir, files); err != nil {
		os.Exit(startFailed(hc, args[0], err))
	}
	return 0
}

func become(path string, args, env []string, dir string, files []*os.File) error {
	high := make([]int, len(files)) // where no later copy hits them
	for i, f := range files {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 10)
		if err != nil {
			return err
		}
		high[i] = fd
	}
	for i, fd := range high {
		if err := unix.Dup3(fd, i, 0); err != nil {
			return err
		}
	}
	if err := unix.Chdir(dir); err != nil {
		return err
	}
	err := unix.Exec(path, args, env)
	if errors.Is(err, unix.ENOEXEC) {
		return unix.Exec(self(), append([]string{"sh", path}, args[1:]...), env)
	}
	return err
}

func umask(hc interp.HandlerContext, args []string) int {
	if len(args) == 0 {
		old := unix.Umask(0)
		unix.Umask(old)
		fmt.Fprintf(hc.Stdout, "%04o\n", old)
		return 0
	}
	mask, err := strconv.ParseUint(args[0], 8, 12)
	if err != nil {
		fmt.Fprintf(hc.Stderr, "sh: umask: %s: no octal mode\n", args[0])
		return 2
	}
	unix.Umask(int(mask))
	return 0
}
