package network

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/inspect"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type inspectCmd struct {
	Networks []string `arg:"" name:"network" help:"Networks."`
	Format   string   `short:"f" placeholder:"FORMAT" help:"json or a Go template."`
	Verbose  bool     `short:"v" hidden:"" help:"Accepted: all is shown."`
}

// Run implements command.Verb.
func (c *inspectCmd) Run(env *command.Env) error {
	s, n, err := open(env)
	if err != nil {
		return err
	}
	var found []inspect.Network
	var errs []error
	names := command.ContainerNames(env.Ctx, s)
	for _, name := range c.Networks {
		info, err := n.InspectNetwork(env.Ctx, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, inspect.OfNetwork(info, names))
	}
	return errors.Join(output.Inspected(env.Stdout, c.Format, found), errors.Join(errs...))
}

type rm struct {
	Networks []string `arg:"" name:"network" help:"Networks."`
	Force    bool     `short:"f" help:"Ignore missing ones."`
}

// Run implements command.Verb.
func (c *rm) Run(env *command.Env) error {
	_, n, err := open(env)
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Networks, func(name string) error {
		err := n.RemoveNetwork(env.Ctx, name)
		if c.Force && errors.Is(err, vzcontract.ErrNotFound) {
			return nil
		}
		return err
	})
}
