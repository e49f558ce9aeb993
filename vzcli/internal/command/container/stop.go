package container

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type stop struct {
	Containers []string `arg:"" name:"container" help:"Containers."`
	Signal     string   `short:"s" help:"Signal to send instead of the container's own."`
	Timeout    *int     `short:"t" aliases:"time" placeholder:"SECONDS" help:"Time before it is killed; -1 waits for ever."`
}

func (c *stop) options() (vzcontract.StopOptions, error) {
	grace, err := runflags.Grace("timeout", c.Timeout)
	return vzcontract.StopOptions{Signal: c.Signal, Grace: grace}, err
}

// Run implements command.Verb.
func (c *stop) Run(env *command.Env) error {
	opts, err := c.options()
	if err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	return together(env, c.Containers, func(name string) error { return s.Backend.Stop(env.Ctx, name, opts) })
}

type restart struct {
	stop
}

// Run implements command.Verb.
func (c *restart) Run(env *command.Env) error {
	opts, err := c.options()
	if err != nil {
		return err
	}
	opts.Restart = true
	s, err := env.Services()
	if err != nil {
		return err
	}
	return together(env, c.Containers, func(name string) error {
		if err := s.Backend.Stop(env.Ctx, name, opts); err != nil {
			return err
		}
		_, err := s.Backend.Start(env.Ctx, name, vzcontract.StartOptions{})
		return err
	})
}

type kill struct {
	Containers []string `arg:"" name:"container" help:"Containers."`
	Signal     string   `short:"s" default:"KILL" help:"Signal to send."`
}

// Run implements command.Verb.
func (c *kill) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Containers, func(name string) error { return s.Backend.Kill(env.Ctx, name, c.Signal) })
}
