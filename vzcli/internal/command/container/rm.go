package container

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type rm struct {
	Containers []string `arg:"" name:"container" help:"Containers to remove."`
	Force      bool     `short:"f" help:"Kill running ones first; ignore missing ones."`
	Volumes    bool     `short:"v" help:"Remove their anonymous volumes too."`
	Link       bool     `short:"l" hidden:"" help:"Refused: there are no links."`
}

// Run implements command.Verb.
func (c *rm) Run(env *command.Env) error {
	if c.Link {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "--link: vz has no links; use vz network disconnect")
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range c.Containers {
		err := s.Backend.Remove(env.Ctx, name, vzcontract.RemoveOptions{Force: c.Force, Volumes: c.Volumes})
		if c.Force && errors.Is(err, vzcontract.ErrNotFound) {
			continue
		}
		if err == nil {
			err = command.PrintLine(env, name)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
