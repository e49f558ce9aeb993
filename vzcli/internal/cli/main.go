package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/system"
)

// Main is the whole program: it runs one command line and returns the exit
// code. It may be called more than once in a process.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return Run(Program(), args, command.Streams{In: stdin, Out: stdout, Err: stderr})
}

// Run runs one command line of a program that shares vz's global flags,
// errors and exit codes.
func Run(program command.Program, args []string, streams command.Streams) int {
	if err := refuseSetuid(); err != nil {
		fmt.Fprintln(streams.Err, "vz: "+err.Error())
		return command.CodeFailure
	}
	if code, ok := part(args); ok {
		return code
	}
	if program.Name != "vz" {
		program.Commands = append(program.Commands, system.Completer())
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := command.NewSignals(func(s os.Signal) {
		sig, _ := s.(syscall.Signal)
		cancel(&command.Interrupted{Signal: sig})
	})
	defer signals.Stop()
	env := &command.Env{
		Ctx: ctx, Stdin: streams.In, Stdout: streams.Out, Stderr: streams.Err,
		Signals: signals, Open: open, Checks: checks{}, Program: program, Commands: program.Commands,
	}
	if program.NoBackend {
		env.Open = directories
	}
	cmd, err := dispatch(env, args)
	err = errors.Join(err, env.Close())
	return report(env, cmd, err)
}
