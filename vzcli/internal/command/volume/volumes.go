package volume

import (
	"cmp"
	"errors"
	"fmt"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/inspect"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcli/internal/runflags"
	"vz.internal/vzcontract"
)

type volumes = vzcontract.Volumes

const feature = vzcontract.FeatureVolumes

type create struct {
	Name   string   `arg:"" optional:"" help:"Name; one is made up without."`
	Named  string   `name:"name" hidden:"" help:"Docker's former way to give the name."`
	Driver string   `short:"d" default:"local" help:"Driver; only local."`
	Label  []string `sep:"none" placeholder:"KEY[=VALUE]" help:"Set a label."`
	Opt    []string `short:"o" sep:"none" placeholder:"KEY=VALUE" help:"Option of the driver: type, device, o."`
}

// Run implements command.Verb.
func (c *create) Run(env *command.Env) error {
	if c.Name != "" && c.Named != "" {
		return command.Usagef("volume create: give the name once, not as %s and with --name %s", c.Name, c.Named)
	}
	labels, err := runflags.Labels(c.Label)
	if err != nil {
		return err
	}
	options, err := command.KeyValues("opt", c.Opt)
	if err != nil {
		return err
	}
	_, v, err := open(env)
	if err != nil {
		return err
	}
	info, err := v.CreateVolume(env.Ctx, vzcontract.VolumeConfig{Name: cmp.Or(c.Name, c.Named), Driver: c.Driver, Labels: labels, Options: options})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, info.Name)
	return err
}

type inspectCmd struct {
	Volumes []string `arg:"" name:"volume" help:"Volumes."`
	Format  string   `short:"f" placeholder:"FORMAT" help:"json or a Go template."`
}

// Run implements command.Verb.
func (c *inspectCmd) Run(env *command.Env) error {
	_, v, err := open(env)
	if err != nil {
		return err
	}
	var found []inspect.Volume
	var errs []error
	for _, name := range c.Volumes {
		info, err := v.InspectVolume(env.Ctx, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, inspect.OfVolume(info))
	}
	return errors.Join(output.Inspected(env.Stdout, c.Format, found), errors.Join(errs...))
}

type rm struct {
	Volumes []string `arg:"" name:"volume" help:"Volumes."`
	Force   bool     `short:"f" help:"Ignore missing ones."`
}

// Run implements command.Verb.
func (c *rm) Run(env *command.Env) error {
	_, v, err := open(env)
	if err != nil {
		return err
	}
	return command.Each(env.Stdout, c.Volumes, func(name string) error {
		err := v.RemoveVolume(env.Ctx, name, c.Force)
		if c.Force && errors.Is(err, vzcontract.ErrNotFound) {
			return nil
		}
		return err
	})
}
