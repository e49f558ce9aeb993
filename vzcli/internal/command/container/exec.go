package container

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type exec struct {
	Command     []string `arg:"" passthrough:"partial" placeholder:"CONTAINER COMMAND [ARG...]" help:"Container, command and arguments."`
	Detach      bool     `short:"d" help:"Run in the background."`
	DetachKeys  string   `placeholder:"KEYS" help:"Keys that detach from a terminal (ctrl-p,ctrl-q)."`
	Env         []string `short:"e" sep:"none" placeholder:"KEY[=VALUE]" help:"Set an environment variable."`
	EnvFile     []string `sep:"none" placeholder:"FILE" help:"Read environment variables from a file."`
	Interactive bool     `short:"i" help:"Connect stdin."`
	Privileged  bool     `help:"Lift the limits on what the program may do."`
	TTY         bool     `short:"t" name:"tty" help:"Give the program a terminal."`
	User        string   `short:"u" placeholder:"USER[:GROUP]" help:"User by name or id."`
	Workdir     string   `short:"w" help:"Working directory in the container."`
}

// Run implements command.Verb.
func (c *exec) Run(env *command.Env) error {
	if len(c.Command) < 2 {
		return command.Usagef("exec: want a container and a command; see vz exec --help")
	}
	vars, err := runflags.Environment(c.EnvFile, c.Env)
	if err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	cfg := vzcontract.ExecConfig{
		Args: c.Command[1:], Env: vars, WorkingDir: c.Workdir, User: c.User, TTY: c.TTY, Privileged: c.Privileged, Detach: c.Detach,
	}
	if c.Detach {
		session, err := s.Backend.Exec(env.Ctx, c.Command[0], cfg)
		if err != nil {
			return err
		}
		return session.Close()
	}
	con, err := console.Open(env, console.Options{In: c.Interactive, Out: true, Err: true, TTY: c.TTY, DetachKeys: c.DetachKeys, Signals: true})
	if err != nil {
		return err
	}
	defer con.Close()
	cfg.Stdio, cfg.Size = con.Stdio(), con.Size()
	session, err := s.Backend.Exec(env.Ctx, c.Command[0], cfg)
	if err != nil {
		return err
	}
	status, err := con.Drive(session)
	if errors.Is(err, console.ErrDetached) {
		return nil
	}
	if err != nil {
		return err
	}
	return command.Exit(status.Code)
}
