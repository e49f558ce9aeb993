package container

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
	ok, err := env.Confirm(c.Force, "all stopped containers")
	if err != nil || !ok {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	report, err := Prune(env, s, f)
	return errors.Join(err, command.PrintReport(env, "Deleted Containers:", report))
}

// Prune removes containers that do not run and returns their ids.
func Prune(env *command.Env, s *command.Services, f command.PruneFilter) (report vzcontract.PruneReport, err error) {
	all, err := s.Backend.List(env.Ctx)
	if err != nil {
		return report, err
	}
	var errs []error
	for _, info := range all {
		idle := info.State == vzcontract.StateStopped && !info.Restarting || info.State == vzcontract.StateCreated
		if !idle || !f.Match(info.Labels, info.CreatedAt) {
			continue
		}
		size := command.TreeSize(info.RootfsData["UpperDir"])
		err := s.Backend.Remove(env.Ctx, info.ID, vzcontract.RemoveOptions{})
		switch {
		case err == nil:
			report.Removed, report.Freed = append(report.Removed, info.ID), report.Freed+size
		case !command.Meanwhile(err):
			errs = append(errs, err)
		}
	}
	return report, errors.Join(errs...)
}
