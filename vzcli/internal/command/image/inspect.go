package image

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/inspect"
	"vz.internal/vzcli/internal/output"
)

type inspectCmd struct {
	Images []string `arg:"" name:"image" help:"Images."`
	Format string   `short:"f" placeholder:"FORMAT" help:"json or a Go template."`
}

// Run implements command.Verb.
func (c *inspectCmd) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	var found []inspect.Image
	var errs []error
	for _, ref := range c.Images {
		info, err := s.Images.InspectImage(env.Ctx, ref)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		found = append(found, inspect.OfImage(info))
	}
	return errors.Join(output.Inspected(env.Stdout, c.Format, found), errors.Join(errs...))
}
