package vm

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcontract"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

type exec struct {
	Command     []string      `arg:"" passthrough:"partial" placeholder:"NAME COMMAND [ARG...]" help:"Virtual machine, command and arguments."`
	Detach      bool          `short:"d" help:"Run in the background."`
	Env         []string      `short:"e" sep:"none" placeholder:"KEY=VALUE" help:"Set an environment variable."`
	Interactive bool          `short:"i" help:"Connect stdin."`
	TTY         bool          `short:"t" name:"tty" help:"Give the program a terminal."`
	User        string        `short:"u" placeholder:"USER[:GROUP]" help:"User by name or id."`
	Workdir     string        `short:"w" help:"Working directory in the guest."`
	Timeout     time.Duration `help:"Kill the program after this time."`
}

// Run implements command.Verb.
func (c *exec) Run(env *command.Env) error {
	words := c.Command
	if len(words) > 1 && words[1] == "--" {
		words = append(words[:1:1], words[2:]...)
	}
	if len(words) < 2 {
		return command.Usagef("exec: want a virtual machine and a command; see vz vm exec --help")
	}
	r, err := registry(env)
	if err != nil {
		return err
	}
	if _, err := r.Open(words[0]); err != nil {
		return err
	}
	if s, err := r.Status(words[0]); err != nil || s.Status != "running" {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the virtual machine %s does not run; start it with vz vm run %s", words[0], words[0])
	}
	if agentless(r, words[0]) {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the macOS guest %s has no agent: stop it, and prepare it with sudo vz vm provision %s", words[0], words[0])
	}
	ctx, cancel := context.WithTimeout(env.Ctx, 10*time.Second)
	defer cancel()
	agent, err := vmm.DialAgent(ctx, r.Agent(words[0]))
	if err != nil {
		return err
	}
	defer agent.Close()
	cmd := vzlinux.Command{Args: words[1:], Env: c.Env, Dir: c.Workdir, User: c.User, Limit: c.Timeout, Detach: c.Detach}
	if c.Detach {
		_, err := agent.Start(env.Ctx, cmd)
		return err
	}
	con, err := console.Open(env, console.Options{In: c.Interactive, Out: true, Err: true, TTY: c.TTY, Signals: true})
	if err != nil {
		return err
	}
	defer con.Close()
	stdio := con.Stdio()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdio.In, stdio.Out, stdio.Err
	if c.TTY {
		size := con.Size()
		cmd.TTY = &agentproto.TermSize{Rows: size.Rows, Cols: size.Cols}
	}
	e, err := agent.Start(env.Ctx, cmd)
	if err != nil {
		return err
	}
	a := &attachment{exec: e}
	status, err := con.Drive(a)
	if err != nil {
		return err
	}
	if a.timedOut {
		return vzcontract.Errorf(vzcontract.ErrTimeout, "%s took longer than %s and was killed", words[1], c.Timeout)
	}
	return command.Exit(status.Code)
}

// An attachment is a program of a guest as a console drives it.
type attachment struct {
	exec     *vzlinux.Exec
	timedOut bool // valid after Wait
}

// Wait implements vzcontract.Attachment.
func (a *attachment) Wait(ctx context.Context) (vzcontract.ExitStatus, error) {
	s, err := a.exec.Wait(ctx)
	a.timedOut = s.TimedOut
	return vzcontract.ExitStatus{Code: s.Code, Signal: s.Signal, OOMKilled: s.OOM}, err
}

// Resize implements vzcontract.Attachment.
func (a *attachment) Resize(ctx context.Context, size vzcontract.TermSize) error {
	return a.exec.Resize(ctx, agentproto.TermSize{Rows: size.Rows, Cols: size.Cols})
}

// Signal implements vzcontract.Attachment.
func (a *attachment) Signal(ctx context.Context, name string) error {
	number := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG"))
	if number == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "there is no signal %q", name)
	}
	return a.exec.Signal(ctx, int(number))
}

// Close implements vzcontract.Attachment. The program ends with the connection.
func (a *attachment) Close() error { return nil }
