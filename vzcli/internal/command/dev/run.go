package dev

import (
	"os"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/console"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzsandbox/devenv"
)

// inside are the flags of what runs in the environment.
type inside struct {
	Env   []string `short:"e" sep:"none" placeholder:"KEY[=VALUE]" help:"Set an environment variable."`
	Fresh bool     `help:"Throw the environment and the outcome of its setup away, and make both anew."`
	NoTTY bool     `short:"T" name:"no-tty" help:"Give the program no terminal."`
	Root  bool     `help:"Run as root in place of the owner of the project."`
}

type run struct {
	Command     []string `arg:"" optional:"" passthrough:"partial" placeholder:"COMMAND [ARG...]" help:"Program and arguments."`
	Interactive bool     `short:"i" help:"Without a program, open a shell."`
	inside      `embed:""`
}

// Run implements command.Verb.
func (c *run) Run(env *command.Env) error {
	if len(c.Command) > 0 {
		return c.inside.run(env, c.Command)
	}
	if !c.Interactive {
		return command.Usagef("dev run: want a program to run, or -i for a shell; see vz dev run --help")
	}
	return c.inside.run(env, anyShell)
}

type shell struct {
	inside `embed:""`
}

// Run implements command.Verb.
func (c *shell) Run(env *command.Env) error { return c.inside.run(env, anyShell) }

// anyShell is bash where the image has it, else sh.
var anyShell = []string{"sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh"}

func (c *inside) run(env *command.Env, args []string) error {
	vars, err := runflags.Environment(nil, c.Env)
	if err != nil {
		return err
	}
	at, err := open(env, devenv.Open)
	if err != nil {
		return err
	}
	ensure := at.Ensure
	if c.Fresh {
		ensure = at.Renew
	}
	container, err := ensure(env.Ctx, at.Project)
	at.close()
	if err != nil {
		return err
	}
	cfg := at.Exec(at.dir, args...)
	if c.Root {
		cfg.User = "0:0"
	}
	_, in := command.Terminal(env.Stdin)
	_, out := command.Terminal(env.Stdout)
	if cfg.TTY = in && out && !c.NoTTY; cfg.TTY && os.Getenv("TERM") != "" {
		cfg.Env = append(cfg.Env, "TERM="+os.Getenv("TERM"))
	}
	cfg.Env = append(cfg.Env, vars...)
	con, err := console.Open(env, console.Options{In: true, Out: true, Err: true, TTY: cfg.TTY, NoDetach: true, Signals: true})
	if err != nil {
		return err
	}
	defer con.Close()
	cfg.Stdio, cfg.Size = con.Stdio(), con.Size()
	con.Hold()
	session, err := at.Backend.Exec(env.Ctx, container.ID, cfg)
	if err != nil {
		return err
	}
	status, err := con.Drive(session)
	if err != nil {
		return err
	}
	return command.Exit(status.Code)
}
