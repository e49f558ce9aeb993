package system

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

// env prints the environment, or runs a program with another one: -i from an
// empty one, -u NAME without it, NAME=VALUE with it.
func env(std *applet.IO, args []string) int {
	environ := os.Environ()
	for len(args) > 0 {
		switch {
		case args[0] == "-i" || args[0] == "-":
			environ = nil
		case args[0] == "-u" && len(args) > 1:
			prefix := args[1] + "="
			environ = slices.DeleteFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, prefix) })
			args = args[1:]
		case strings.Contains(args[0], "=") && args[0][0] != '-':
			name, _, _ := strings.Cut(args[0], "=")
			environ = slices.DeleteFunc(environ, func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
			environ = append(environ, args[0])
		case args[0] == "--":
		default:
			return become(std, args, environ)
		}
		args = args[1:]
	}
	for _, kv := range environ {
		fmt.Fprintln(std.Out, kv)
	}
	return 0
}

// become replaces the process.
func become(std *applet.IO, args, environ []string) int {
	path, err := exec.LookPath(args[0])
	if err == nil {
		err = unix.Exec(path, args, environ)
	}
	std.Fail(fmt.Errorf("%s: %w", args[0], reason(err)))
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return 127
	}
	return 126
}

func reason(err error) error {
	if e := (*exec.Error)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

func printenv(std *applet.IO, args []string) int {
	if len(args) == 0 {
		return env(std, nil)
	}
	status := 0
	for _, name := range args {
		value, ok := os.LookupEnv(name)
		if !ok {
			status = 1
			continue
		}
		fmt.Fprintln(std.Out, value)
	}
	return status
}

func which(std *applet.IO, args []string) int {
	status := 0
	for _, name := range args {
		path, err := exec.LookPath(name)
		if err != nil {
			status = 1
			continue
		}
		fmt.Fprintln(std.Out, path)
	}
	return status
}

// timeout runs a program and ends it, by SIGTERM, when time is up: status 124.
func timeout(std *applet.IO, args []string) int {
	opts, rest, err := applet.Options("k:s:", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(rest) < 2 {
		return std.Usage("[-s SIGNAL] TIME PROGRAM [ARG...]")
	}
	limit, err := duration(rest[0])
	if err != nil {
		return std.Fail(err)
	}
	sig := unix.SIGTERM
	if name, ok := opts['s']; ok {
		if sig = unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(name), "SIG")); sig == 0 {
			return std.Fail(fmt.Errorf("%s: no such signal", name))
		}
	}
	cmd := exec.Command(rest[1], rest[2:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = std.In, std.Out, std.Err
	if err := cmd.Start(); err != nil {
		std.Fail(fmt.Errorf("%s: %w", rest[1], reason(err)))
		if errors.Is(err, exec.ErrNotFound) {
			return 127
		}
		return 126
	}
	late := make(chan struct{})
	timer := time.AfterFunc(limit, func() {
		close(late)
		_ = cmd.Process.Signal(sig) // it may have ended
	})
	err = cmd.Wait()
	timer.Stop()
	select {
	case <-late:
		return 124
	default:
	}
	if ws, ok := cmd.ProcessState.Sys().(interface {
		Signaled() bool
		Signal() unix.Signal
	}); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	if err != nil && cmd.ProcessState == nil {
		return std.Fail(err)
	}
	return cmd.ProcessState.ExitCode()
}
