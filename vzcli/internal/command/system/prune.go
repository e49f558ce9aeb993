package system

import (
	"errors"
	"fmt"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/command/container"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type prune struct {
	All     bool     `short:"a" help:"Remove all images that nothing uses, not only those without a name."`
	Filter  []string `sep:"none" placeholder:"KEY=VALUE" help:"Only containers and images that match label or until."`
	Force   bool     `short:"f" help:"Do not ask."`
	Volumes bool     `help:"Remove anonymous volumes too."`
}

// Run implements command.Verb.
func (c *prune) Run(env *command.Env) error {
	what := "all stopped containers, all networks that no container uses and all images without a name"
	if c.All {
		what = "all stopped containers, and all networks and images that no container uses"
	}
	if c.Volumes {
		what += ", and all anonymous volumes that no container uses"
	}
	ok, err := env.Confirm(c.Force, what)
	if err != nil || !ok {
		return err
	}
	f, err := output.ParseFilters(c.Filter, "label", "until")
	if err != nil {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	var total int64
	removed, err := container.Prune(env, s, c.Filter)
	errs := []error{err, list(env, "Deleted Containers:", removed)}
	part := func(title string, report vzcontract.PruneReport, err error) {
		total += report.Freed
		errs = append(errs, err, list(env, title, report.Removed))
	}
	if n, err := command.Need[vzcontract.Networks](s, vzcontract.FeatureNetworks); err == nil && len(f) == 0 {
		report, err := n.PruneNetworks(env.Ctx)
		part("Deleted Networks:", report, err)
	}
	if v, err := command.Need[vzcontract.Volumes](s, vzcontract.FeatureVolumes); err == nil && c.Volumes {
		report, err := v.PruneVolumes(env.Ctx, false)
		part("Deleted Volumes:", report, err)
	}
	report, err := s.Images.PruneImages(env.Ctx, vzcontract.PruneImagesOptions{All: c.All, Filters: f})
	part("Deleted Images:", report, err)
	_, err = fmt.Fprintf(env.Stdout, "Total reclaimed space: %s\n", output.Size(total))
	return errors.Join(append(errs, err)...)
}

func list(env *command.Env, title string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	errs := []error{command.PrintLine(env, title)}
	for _, name := range names {
		errs = append(errs, command.PrintLine(env, name))
	}
	return errors.Join(append(errs, command.PrintLine(env, ""))...)
}
