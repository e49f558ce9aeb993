package stack

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzstack"
)

type down struct {
	*project      `kong:"-"`
	Services      []string `arg:"" optional:"" help:"Services; all without."`
	Volumes       bool     `short:"v" help:"Remove volumes too: named ones of the project and anonymous ones."`
	RemoveOrphans bool     `help:"Remove containers of services that the files no longer have."`
	RMI           string   `name:"rmi" placeholder:"all|local" help:"Remove images too: all, or those without a name of their own."`
	Timeout       *int     `short:"t" placeholder:"SECONDS" help:"Time to stop before a kill."`
	DryRun        bool     `help:"Say what would be done and do nothing."`
}

// Run implements command.Verb.
func (c *down) Run(env *command.Env) error {
	if c.RMI != "" && c.RMI != "all" && c.RMI != "local" {
		return command.Usagef("--rmi %s: want all or local", c.RMI)
	}
	g, err := grace(c.Timeout)
	if err != nil {
		return err
	}
	s, name, loaded, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	remove, ignore := orphans(c.RemoveOrphans, loaded)
	made, err := s.Down(env.Ctx, name, loaded, vzstack.DownOptions{
		Services: c.Services, Volumes: c.Volumes, Images: c.RMI, RemoveOrphans: remove, IgnoreOrphans: ignore,
		Stop: vzstack.StopOptions{Grace: g}, DryRun: c.DryRun,
	})
	if err != nil || !c.DryRun {
		return err
	}
	for _, step := range made.Steps {
		if err := command.PrintLine(env, step.String()); err != nil {
			return err
		}
	}
	return nil
}

type build struct {
	*project `kong:"-"`
	Args     []string `arg:"" optional:"" passthrough:"" help:"Not used."`
}

// Run implements command.Verb.
func (c *build) Run(*command.Env) error { return errBuild }
