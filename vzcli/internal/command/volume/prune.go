package volume

import (
	"errors"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

type prune struct {
	All    bool     `short:"a" help:"Remove named ones too."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only those that match label, label! or all."`
	Force  bool     `short:"f" help:"Do not ask."`
}

// Run implements command.Verb.
func (c *prune) Run(env *command.Env) error {
	f, err := command.ParsePruneFilter(c.Filter, "label", "label!", "all")
	if err != nil {
		return err
	}
	all, asked, err := f.Bool("all")
	if err != nil {
		return err
	}
	if asked {
		c.All = all
	}
	what := "all anonymous volumes that no container uses"
	if c.All {
		what = "all volumes that no container uses"
	}
	ok, err := env.Confirm(c.Force, what)
	if err != nil || !ok {
		return err
	}
	_, v, err := open(env)
	if err != nil {
		return err
	}
	report, err := Prune(env, v, f, c.All)
	return errors.Join(err, command.PrintReport(env, "Deleted Volumes:", report))
}

// Prune removes volumes that nothing uses: anonymous ones, or all.
func Prune(env *command.Env, v vzcontract.Volumes, f command.PruneFilter, all bool) (vzcontract.PruneReport, error) {
	if len(f.Filters["label"])+len(f.Filters["label!"]) == 0 {
		return v.PruneVolumes(env.Ctx, all)
	}
	var report vzcontract.PruneReport
	list, err := v.ListVolumes(env.Ctx)
	errs := []error{err}
	for _, info := range list {
		if len(info.UsedBy) > 0 || !info.Anonymous && !all || !f.Match(info.Labels, info.CreatedAt) {
			continue
		}
		size := command.TreeSize(info.Mountpoint)
		switch err := v.RemoveVolume(env.Ctx, info.Name, false); {
		case err == nil:
			report.Removed, report.Freed = append(report.Removed, info.Name), report.Freed+size
		case !command.Meanwhile(err):
			errs = append(errs, err)
		}
	}
	return report, errors.Join(errs...)
}
