package network

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type prune struct {
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only those that match label, label! or until."`
	Force  bool     `short:"f" help:"Do not ask."`
}

// Run implements command.Verb.
func (c *prune) Run(env *command.Env) error {
	f, err := command.ParsePruneFilter(c.Filter, "label", "label!", "until")
	if err != nil {
		return err
	}
	ok, err := env.Confirm(c.Force, "all networks that no container uses")
	if err != nil || !ok {
		return err
	}
	_, n, err := open(env)
	if err != nil {
		return err
	}
	removed, err := Prune(env, n, f)
	return errors.Join(err, command.PrintRemoved(env, "Deleted Networks:", removed))
}

// Prune removes networks that nothing uses and returns their names.
func Prune(env *command.Env, n vzcontract.Networks, f command.PruneFilter) ([]string, error) {
	if len(f.Filters) == 0 {
		report, err := n.PruneNetworks(env.Ctx)
		return report.Removed, err
	}
	var removed []string
	list, err := n.ListNetworks(env.Ctx)
	errs := []error{err}
	for _, info := range list {
		if predefined(info.Name) || len(info.Containers) > 0 || !f.Match(info.Labels, info.CreatedAt) {
			continue
		}
		switch err := n.RemoveNetwork(env.Ctx, info.Name); {
		case err == nil:
			removed = append(removed, info.Name)
		case !command.Meanwhile(err):
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(errs...)
}
