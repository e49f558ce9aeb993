// Package reaper is the process 1 of a container with --init: it starts the
// workload, passes signals on to it, and reaps what nobody else does. It is this
// same program, mounted read-only into the container: importing the package is
// enough for that, its init function takes over when it runs as such.
package reaper

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// Path is where the reaper is inside a container, and its argv[0].
const Path = "/dev/init"

func init() {
	if len(os.Args) > 1 && os.Args[0] == Path {
		os.Exit(run(os.Args[1:]))
	}
}

func run(args []string) int {
	debug.SetGCPercent(20)
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	signal.Reset(unix.SIGURG) // the Go runtime's own
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	pid, err := start(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "init: %v\n", err)
		return 127
	}
	for sig := range signals {
		if sig != unix.SIGCHLD {
			_ = unix.Kill(pid, sig.(syscall.Signal)) // it may have ended
			continue
		}
		if ws, ended := reap(pid); ended {
			if ws.Signaled() {
				return 128 + int(ws.Signal())
			}
			return ws.ExitStatus()
		}
	}
	return 0
}

// start runs the workload in a process group of its own, in the foreground of
// a terminal.
func start(args []string) (int, error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true}}
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err == nil {
		attr.Sys.Foreground, attr.Sys.Ctty = true, 0
	}
	pid, err := syscall.ForkExec(path, args, attr)
	if err != nil && attr.Sys.Foreground {
		attr.Sys.Foreground = false
		pid, err = syscall.ForkExec(path, args, attr)
	}
	if err != nil {
		return 0, fmt.Errorf("exec %q: %w", args[0], err)
	}
	return pid, nil
}

// reap takes the end of every child and reports that of the workload.
func reap(pid int) (ws unix.WaitStatus, ended bool) {
	for {
		var one unix.WaitStatus
		got, err := unix.Wait4(-1, &one, unix.WNOHANG, nil)
		if err == unix.EINTR { //nolint:errorlint // an errno
			continue
		}
		if err != nil || got <= 0 {
			return ws, ended
		}
		if got == pid {
			ws, ended = one, true
		}
	}
}
