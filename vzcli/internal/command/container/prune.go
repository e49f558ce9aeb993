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
	removed, err := Prune(env, s, f)
	for _, id := range removed {
		err = errors.Join(err, command.PrintLine(env, id))
	}
	return err
}

// Prune removes containers that do not run and returns their ids.
func Prune(env *command.Env, s *command.Services, f command.PruneFilter) ([]string, error) {
	all, err := s.Backend.List(env.Ctx)
	if err != nil {
		return nil, err
	}
	var removed []string
	var errs []error
	for _, info := range all {
		idle := info.State == vzcontract.StateStopped && !info.Restarting || info.State == vzcontract.StateCreated
		if !idle || !f.Match(info.Labels, info.CreatedAt) {
			continue
		}
		err := s.Backend.Remove(env.Ctx, info.ID, vzcontract.RemoveOptions{})
		switch {
		case err == nil:
			removed = append(removed, info.ID)
		case !command.Meanwhile(err):
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(errs...)
}
