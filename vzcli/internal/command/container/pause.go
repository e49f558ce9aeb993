package container

import (
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type pause struct {
	Containers []string `arg:"" name:"container" help:"Containers to freeze."`
}

// Run implements command.Verb.
func (c *pause) Run(env *command.Env) error {
	p, err := pauser(env)
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Containers, func(name string) error { return p.Pause(env.Ctx, name) })
}

type unpause struct {
	Containers []string `arg:"" name:"container" help:"Containers to let go on."`
}

// Run implements command.Verb.
func (c *unpause) Run(env *command.Env) error {
	p, err := pauser(env)
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Containers, func(name string) error { return p.Resume(env.Ctx, name) })
}

func pauser(env *command.Env) (vzcontract.Pauser, error) {
	s, err := env.Services()
	if err != nil {
		return nil, err
	}
	return command.Need[vzcontract.Pauser](s, vzcontract.FeaturePause)
}

type rename struct {
	Container string `arg:"" help:"Container."`
	Name      string `arg:"" help:"New name."`
}

// Run implements command.Verb.
func (c *rename) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	r, err := command.Need[vzcontract.Renamer](s, vzcontract.FeatureRename)
	if err != nil {
		return err
	}
	return r.Rename(env.Ctx, c.Container, strings.TrimPrefix(c.Name, "/"))
}

type wait struct {
	Containers []string `arg:"" name:"container" help:"Containers to wait for."`
	Condition  string   `placeholder:"CONDITION" default:"not-running" help:"not-running, next-exit, removed or healthy."`
}

// Run implements command.Verb.
func (c *wait) Run(env *command.Env) error {
	cond := vzcontract.WaitCondition(c.Condition)
	switch cond {
	case vzcontract.WaitNotRunning, vzcontract.WaitNextExit, vzcontract.WaitRemoved, vzcontract.WaitHealthy:
	default:
		return command.Usagef("--condition %s: want not-running, next-exit, removed or healthy", c.Condition)
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	return eachPrinting(env, c.Containers, func(name string) (string, error) {
		status, err := s.Backend.Wait(env.Ctx, name, cond)
		return itoa(status.Code), err
	})
}
