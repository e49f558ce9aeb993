package cli

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// launcher returns what starts vz-vmm for the machine of a container. The process
// has a session of its own, so that it outlives vz.
func launcher(s *command.Services) func(ctx context.Context, machine string) error {
	return func(ctx context.Context, machine string) error {
		program, ok := command.Companion("vz-vmm")
		if !ok {
			return vzcontract.Errorf(vzcontract.ErrUnavailable,
				"vz-vmm is not beside vz or in $VZ_LIBEXEC; build it with `make build` or `go install vz.internal/vzcli/cmd/vz-vmm@latest`")
		}
		ready, theirs, err := os.Pipe()
		if err != nil {
			return err
		}
		defer ready.Close()
		log, err := os.OpenFile(filepath.Join(s.Home, "guests", machine, "vmm.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return errors.Join(err, theirs.Close())
		}
		defer log.Close()
		cmd := exec.Command(program, "-home", s.Home, "-run", s.Run, "-container", machine)
		cmd.ExtraFiles = []*os.File{theirs}
		cmd.Stdout, cmd.Stderr = log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		err = cmd.Start()
		if err = errors.Join(err, theirs.Close()); err != nil {
			return err
		}
		go func() { _ = cmd.Wait() }() // no zombie, if it ends before vz does
		stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
		defer stop()
		line, err := bufio.NewReader(ready).ReadString('\n')
		switch {
		case line == "ok\n":
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return vzcontract.Errorf(vzcontract.ErrUnavailable, "start the container's virtual machine: vz-vmm has ended; see %s", log.Name())
		}
		code, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		return vzcontract.Errorf(vzcontract.SentinelOf(vzcontract.Code(code)), "start the container's virtual machine: %s", text)
	}
}
