package sandbox

import (
	"errors"
	"fmt"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
)

type exec struct {
	Command     []string `arg:"" passthrough:"partial" placeholder:"SANDBOX COMMAND [ARG...]" help:"Sandbox, command and arguments."`
	Detach      bool     `short:"d" help:"Run in the background; what it writes is lost."`
	Env         []string `short:"e" sep:"none" placeholder:"KEY[=VALUE]" help:"Set an environment variable; it is kept nowhere."`
	EnvFile     []string `sep:"none" placeholder:"FILE" help:"Read environment variables from a file."`
	Interactive bool     `short:"i" help:"Connect stdin."`
	TTY         bool     `short:"t" name:"tty" help:"Give the program a terminal."`
	User        string   `short:"u" placeholder:"USER[:GROUP]" help:"User by name or id."`
	Workdir     string   `short:"w" help:"Working directory, absolute or below the workspace."`
	Timeout     string   `placeholder:"DURATION" help:"Kill the program and all that it started after this time; exit code 124. 0 is for ever."`
	OutputLimit string   `placeholder:"SIZE" help:"With --json, how much of each stream is kept (1m); the rest is dropped."`
}

// codeTimeout is the exit code of timeout(1).
const codeTimeout = 124

// Run implements command.Verb.
func (c *exec) Run(env *command.Env) error {
	cmd, err := c.command(env)
	if err != nil {
		return err
	}
	box, err := find(env, c.Command[0])
	if err != nil {
		return err
	}
	how := c.stream
	switch {
	case c.Detach:
		how = c.background
	case env.Globals.JSON:
		how = c.collect
	}
	return of(box, how(env, box, cmd))
}

func (c *exec) command(env *command.Env) (cmd vzsandbox.Command, err error) {
	switch {
	case len(c.Command) < 2:
		return cmd, command.Usagef("exec: want a sandbox and a command; see vz sandbox exec --help")
	case c.Detach && (c.Interactive || c.TTY):
		return cmd, command.Usagef("exec: -d excludes -i and -t: nobody is there to type")
	case env.Globals.JSON && c.TTY:
		return cmd, command.Usagef("exec: --json excludes -t: it collects what the program writes")
	case c.OutputLimit != "" && (!env.Globals.JSON || c.Detach):
		return cmd, command.Usagef("exec: --output-limit belongs to --json; else all is passed on")
	}
	cmd = vzsandbox.Command{Args: c.Command[1:], Dir: c.Workdir, User: c.User, TTY: c.TTY, Detach: c.Detach}
	if cmd.Env, err = runflags.Environment(c.EnvFile, c.Env); err != nil {
		return cmd, err
	}
	if cmd.Timeout, err = runflags.Duration("timeout", c.Timeout); err != nil {
		return cmd, err
	}
	if c.Timeout != "" && cmd.Timeout == 0 {
		cmd.Timeout = -1 // none, also where the sandbox has one
	}
	cmd.OutputLimit, err = runflags.Size("output-limit", c.OutputLimit)
	return cmd, err
}

func (c *exec) background(env *command.Env, box *vzsandbox.Sandbox, cmd vzsandbox.Command) error {
	p, err := box.Start(env.Ctx, cmd)
	if err != nil {
		return err
	}
	if err := p.Close(); err != nil || !env.Globals.JSON {
		return err
	}
	return printJSON(env, map[string]string{"id": p.ID()})
}

func (c *exec) stream(env *command.Env, box *vzsandbox.Sandbox, cmd vzsandbox.Command) error {
	con, err := console.Open(env, console.Options{In: c.Interactive, Out: true, Err: true, TTY: c.TTY, NoDetach: true, Signals: true})
	if err != nil {
		return err
	}
	defer con.Close()
	streams := con.Stdio()
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Size = streams.In, streams.Out, streams.Err, con.Size()
	con.Hold()
	p, err := box.Start(env.Ctx, cmd)
	if err != nil {
		return err
	}
	status, err := con.Drive(p)
	con.Close()
	if errors.Is(err, vzcontract.ErrTimeout) {
		fmt.Fprintf(env.Stderr, "vz: exec in sandbox %s: its time was over, so it was killed\n", box.Name())
		return command.Exit(codeTimeout)
	}
	if err != nil {
		return err
	}
	return command.Exit(status.Code)
}

func (c *exec) collect(env *command.Env, box *vzsandbox.Sandbox, cmd vzsandbox.Command) error {
	if c.Interactive {
		cmd.Stdin = env.Stdin
	}
	r, err := box.Run(env.Ctx, cmd)
	if err != nil && !r.TimedOut {
		return err
	}
	if err := printJSON(env, newResult(r)); err != nil {
		return err
	}
	if r.TimedOut {
		return command.Exit(codeTimeout)
	}
	return nil
}

// milliseconds are a duration as the JSON of this package has it.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
