package stack

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type exec struct {
	*project    `kong:"-"`
	Command     []string `arg:"" passthrough:"partial" placeholder:"SERVICE COMMAND [ARG...]" help:"Service, command and arguments."`
	Detach      bool     `short:"d" help:"Run in the background."`
	Env         []string `short:"e" sep:"none" placeholder:"KEY[=VALUE]" help:"Set an environment variable."`
	Index       int      `placeholder:"N" help:"Which replica."`
	Privileged  bool     `help:"Lift the limits on what the program may do."`
	NoTTY       bool     `short:"T" name:"no-tty" aliases:"no-TTY" help:"Give the program no terminal."`
	Interactive bool     `short:"i" default:"true" negatable:"" hidden:"" help:"Accepted: stdin is connected."`
	TTY         bool     `short:"t" hidden:"" help:"Accepted: a terminal is given where there is one."`
	User        string   `short:"u" placeholder:"USER[:GROUP]" help:"User by name or id."`
	Workdir     string   `short:"w" help:"Working directory in the container."`
}

// Run implements command.Verb.
func (c *exec) Run(env *command.Env) error {
	if len(c.Command) < 2 {
		return command.Usagef("exec: want a service and a command; see vz stack exec --help")
	}
	vars, err := runflags.Environment(nil, c.Env)
	if err != nil {
		return err
	}
	s, name, _, err := c.named(env, c.Command[:1])
	if err != nil {
		return err
	}
	container, err := s.Running(env.Ctx, name, c.Command[0], c.Index)
	if err != nil {
		return err
	}
	services, err := env.Services()
	if err != nil {
		return err
	}
	tty := wantsTTY(env, c.NoTTY) && !c.Detach
	cfg := vzcontract.ExecConfig{
		Args: c.Command[1:], Env: vars, WorkingDir: c.Workdir, User: c.User, TTY: tty, Privileged: c.Privileged, Detach: c.Detach,
	}
	if c.Detach {
		session, err := services.Backend.Exec(env.Ctx, container.ID, cfg)
		if err != nil {
			return err
		}
		return session.Close()
	}
	con, err := console.Open(env, console.Options{In: c.Interactive, Out: true, Err: true, TTY: tty, Signals: true})
	if err != nil {
		return err
	}
	defer con.Close()
	cfg.Stdio, cfg.Size = con.Stdio(), con.Size()
	session, err := services.Backend.Exec(env.Ctx, container.ID, cfg)
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

// wantsTTY reports whether a program is given a terminal: docker compose does
// so wherever vz itself has one.
func wantsTTY(env *command.Env, refused bool) bool {
	_, in := command.Terminal(env.Stdin)
	_, out := command.Terminal(env.Stdout)
	return in && out && !refused
}
