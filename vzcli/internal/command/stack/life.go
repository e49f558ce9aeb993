package stack

import (
	"fmt"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
	"vz.internal/vzstack"
	"vz.internal/vzstack/compose"
)

// needFiles refuses to go on where the project's files are not there.
func needFiles(name string, loaded *compose.Project) error {
	if loaded == nil {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "project %s: its Compose files are not known; give them with -f", name)
	}
	return nil
}

type start struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
	Wait     bool     `help:"Wait until services run and are healthy."`
}

// Run implements command.Verb.
func (c *start) Run(env *command.Env) error {
	s, name, loaded, err := c.named(env, c.Services)
	if err == nil {
		err = needFiles(name, loaded)
	}
	if err != nil {
		return err
	}
	selected, err := loaded.Select(c.Services, compose.WithDependencies)
	if err != nil {
		return err
	}
	return s.Start(env.Ctx, selected, vzstack.StartOptions{Services: c.Services, Wait: c.Wait})
}

type stop struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
	Timeout  *int     `short:"t" placeholder:"SECONDS" help:"Time to stop before a kill."`
}

// Run implements command.Verb.
func (c *stop) Run(env *command.Env) error {
	g, err := grace(c.Timeout)
	if err != nil {
		return err
	}
	s, name, loaded, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	return s.Stop(env.Ctx, name, chosen(c.Services, loaded), vzstack.StopOptions{Grace: g})
}

type restart struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
	Timeout  *int     `short:"t" placeholder:"SECONDS" help:"Time to stop before a kill."`
	NoDeps   bool     `help:"Leave services alone that follow a restart."`
}

// Run implements command.Verb.
func (c *restart) Run(env *command.Env) error {
	g, err := grace(c.Timeout)
	if err != nil {
		return err
	}
	s, name, loaded, err := c.named(env, c.Services)
	if err == nil {
		err = needFiles(name, loaded)
	}
	if err != nil {
		return err
	}
	return s.Restart(env.Ctx, loaded, vzstack.RestartOptions{Services: chosen(c.Services, loaded), Stop: vzstack.StopOptions{Grace: g}, NoDeps: c.NoDeps})
}

type kill struct {
	*project      `kong:"-"`
	Services      []string `arg:"" optional:"" help:"Services; all without."`
	Signal        string   `short:"s" default:"KILL" help:"Signal to send."`
	RemoveOrphans bool     `hidden:"" help:"Refused: see down --remove-orphans."`
}

// Run implements command.Verb.
func (c *kill) Run(env *command.Env) error {
	if c.RemoveOrphans {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "kill --remove-orphans: use down --remove-orphans")
	}
	s, name, loaded, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	return s.Kill(env.Ctx, name, chosen(c.Services, loaded), c.Signal)
}

type rm struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
	Stop     bool     `short:"s" help:"Stop running ones first."`
	Force    bool     `short:"f" help:"Do not ask."`
	Volumes  bool     `short:"v" help:"Remove anonymous volumes too."`
}

// Run implements command.Verb.
func (c *rm) Run(env *command.Env) error {
	s, name, _, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	ok, err := env.Confirm(c.Force, "the stopped containers of project "+name)
	if err != nil || !ok {
		return err
	}
	return s.Remove(env.Ctx, name, c.Services, vzstack.RemoveOptions{Stop: c.Stop, Volumes: c.Volumes})
}

type pause struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
}

// Run implements command.Verb.
func (c *pause) Run(env *command.Env) error {
	s, name, loaded, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	return s.Pause(env.Ctx, name, chosen(c.Services, loaded))
}

type unpause struct {
	*project `kong:"-"`
	Services []string `arg:"" optional:"" help:"Services; all without."`
}

// Run implements command.Verb.
func (c *unpause) Run(env *command.Env) error {
	s, name, loaded, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	return s.Unpause(env.Ctx, name, chosen(c.Services, loaded))
}

type wait struct {
	*project    `kong:"-"`
	Services    []string `arg:"" help:"Services."`
	DownProject bool     `help:"Remove the project when the first container has ended."`
}

// Run implements command.Verb.
func (c *wait) Run(env *command.Env) error {
	s, name, loaded, err := c.named(env, c.Services)
	if err != nil {
		return err
	}
	container, status, err := s.Wait(env.Ctx, name, c.Services)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "container %q exited with status code %d\n", container.Name, status.Code)
	if c.DownProject {
		if _, err := s.Down(env.Ctx, name, loaded, vzstack.DownOptions{}); err != nil {
			return err
		}
	}
	return command.Exit(status.Code)
}

type pull struct {
	*project           `kong:"-"`
	Services           []string `arg:"" optional:"" help:"Services; all without."`
	Policy             string   `placeholder:"POLICY" help:"always or missing."`
	IncludeDeps        bool     `help:"Fetch images of dependencies too."`
	IgnorePullFailures bool     `help:"Go on where one cannot be fetched."`
	IgnoreBuildable    bool     `help:"Accepted: images that were to be built are never fetched."`
}

// Run implements command.Verb.
func (c *pull) Run(env *command.Env) error {
	loaded, err := c.load(env)
	if err != nil {
		return err
	}
	selected, err := loaded.Select(c.Services, compose.Dependencies(!c.IncludeDeps))
	if err != nil {
		return err
	}
	s, _, err := c.stack(env)
	if err != nil {
		return err
	}
	err = s.Pull(env.Ctx, selected, vzcontract.PullPolicy(c.Policy))
	if err != nil && c.IgnorePullFailures {
		warn(env, err.Error())
		return nil
	}
	return err
}

type resume struct {
	*project `kong:"-"`
}

// Run implements command.Verb.
func (c *resume) Run(env *command.Env) error {
	s, _, err := c.stack(env)
	if err != nil {
		return err
	}
	return s.Resume(env.Ctx)
}
