package cli

import (
	"context"

	"vz.internal/vzcli/internal/command"
)

// A checker finds damage in what it keeps.
type checker interface {
	// Verify returns one line per thing that is damaged or that nothing owns.
	Verify(ctx context.Context) ([]string, error)
}

// A repairer puts right what Verify found and says what it did.
type repairer interface {
	Repair(ctx context.Context) ([]string, error)
}

func verify(ctx context.Context, s *command.Services) []command.CheckResult {
	var all []command.CheckResult
	for _, keeper := range []struct {
		name string
		of   any
	}{{"records", s.Backend}, {"images", s.Store}} {
		c, ok := keeper.of.(checker)
		if !ok {
			continue
		}
		name := keeper.name
		damage, err := c.Verify(ctx)
		if err != nil {
			damage = append(damage, err.Error())
		}
		if len(damage) == 0 {
			all = append(all, command.CheckResult{Name: name, Status: "ok", Detail: "nothing damaged"})
		}
		for _, d := range damage {
			all = append(all, command.CheckResult{Name: name, Status: "failed", Detail: d, Remedy: "vz doctor --repair"})
		}
	}
	return all
}

// Repair implements command.Checks.
func (checks) Repair(env *command.Env) ([]string, error) {
	s, err := env.Services()
	if err != nil {
		return nil, err
	}
	var done []string
	for _, keeper := range []any{s.Backend, s.Store} {
		r, ok := keeper.(repairer)
		if !ok {
			continue
		}
		lines, err := r.Repair(env.Ctx)
		done = append(done, lines...)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}
