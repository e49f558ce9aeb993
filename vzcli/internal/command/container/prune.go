package container

import (
	"errors"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type prune struct {
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only those that match label or until."`
	Force  bool     `short:"f" help:"Do not ask."`
}

// Run implements command.Verb.
func (c *prune) Run(env *command.Env) error {
	ok, err := env.Confirm(c.Force, "all stopped containers")
	if err != nil || !ok {
		return err
	}
	s, err := env.Services()
	if err != nil {
		return err
	}
	removed, err := Prune(env, s, c.Filter)
	for _, id := range removed {
		err = errors.Join(err, command.PrintLine(env, id))
	}
	return err
}

// Prune removes containers that do not run and returns their ids.
func Prune(env *command.Env, s *command.Services, filters []string) ([]string, error) {
	f, err := output.ParseFilters(filters, "label", "until")
	if err != nil {
		return nil, err
	}
	var until time.Time
	for _, v := range f["until"] {
		if until, err = command.ParseTime("filter until", v, time.Now()); err != nil {
			return nil, err
		}
	}
	all, err := s.Backend.List(env.Ctx)
	if err != nil {
		return nil, err
	}
	var removed []string
	var errs []error
	for _, info := range all {
		idle := info.State == vzcontract.StateStopped && !info.Restarting || info.State == vzcontract.StateCreated
		if !idle || !f.MatchLabels(info.Labels) || !until.IsZero() && !info.CreatedAt.Before(until) {
			continue
		}
		err := s.Backend.Remove(env.Ctx, info.ID, vzcontract.RemoveOptions{Volumes: true})
		switch {
		case err == nil:
			removed = append(removed, info.ID)
		case errors.Is(err, vzcontract.ErrNotFound), errors.Is(err, vzcontract.ErrConflict):
			// gone or started meanwhile
		default:
			errs = append(errs, err)
		}
	}
	return removed, errors.Join(errs...)
}
