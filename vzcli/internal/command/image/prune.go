package image

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type prune struct {
	All    bool     `short:"a" help:"Remove all that no container uses, not only those without a name."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only those that match label, label! or until."`
	Force  bool     `short:"f" help:"Do not ask."`
}

// Run implements command.Verb.
func (c *prune) Run(env *command.Env) error {
	what := "all images without a name"
	if c.All {
		what = "all images that no container uses"
	}
	f, err := command.ParsePruneFilter(c.Filter, "label", "label!", "until", "dangling")
	if err != nil {
		return err
	}
	ok, err := env.Confirm(c.Force, what)
	if err != nil || !ok {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	report, err := s.Images.PruneImages(env.Ctx, vzcontract.PruneImagesOptions{All: c.All, Filters: f.Filters})
	return errors.Join(err, command.PrintReport(env, "Deleted Images:", report))
}
