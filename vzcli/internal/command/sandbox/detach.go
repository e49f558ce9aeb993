package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"syscall"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/poolsocket"
)

// servingVariable tells the process that serve -d starts that it is the one to serve.
// Its descriptor 3 takes what the other one prints when it is ready.
const servingVariable = "VZ_INTERNAL_SERVING"

// starter returns the pipe to the process that has started this one with serve -d; nil is
// none. What this process starts itself knows nothing of it.
func starter() *os.File {
	if os.Getenv(servingVariable) == "" {
		return nil
	}
	_ = os.Unsetenv(servingVariable) // always nil
	syscall.CloseOnExec(3)
	return os.NewFile(3, "ready")
}

// detach runs this command line once more in a session of its own, and returns when that
// process serves, or with its failure.
func (c *serve) detach(env *command.Env, dir poolsocket.Directory) error {
	log, began, err := dir.OpenLog(c.Pool)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the other process has it
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = ours.Close() }() // only read
	child := osexec.Cmd{
		Path: self, Args: os.Args, Env: append(os.Environ(), servingVariable+"=1"), Stdout: log, Stderr: log,
		ExtraFiles: []*os.File{theirs}, SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := errors.Join(child.Start(), theirs.Close()); err != nil {
		return fmt.Errorf("start the process of the pool: %w", err)
	}
	ready := make(chan []byte, 1)
	go func() {
		line, _ := bufio.NewReader(ours).ReadBytes('\n') // without a line it has failed, and its log says why
		ready <- line
	}()
	select {
	case line := <-ready:
		if len(line) > 0 {
			_, err := env.Stdout.Write(line)
			return err
		}
	case <-env.Ctx.Done():
		_ = child.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	}
	ended := child.Wait()
	if env.Ctx.Err() != nil {
		return env.Ctx.Err()
	}
	out := env.Stderr
	if env.Globals.JSON {
		out = env.Stdout
	}
	_, err = io.Copy(out, io.NewSectionReader(log, began, 1<<20))
	failed := new(osexec.ExitError)
	if errors.As(ended, &failed) && failed.ExitCode() > 0 {
		return errors.Join(err, command.Exit(failed.ExitCode()))
	}
	return errors.Join(err, fmt.Errorf("the process of the pool has ended: %w; see %s", ended, log.Name()))
}
