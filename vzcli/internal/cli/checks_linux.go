package cli

import (
	"context"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzlinuxnative/doctor"
)

// checks are those of the host; then those of vz's own files, by whoever keeps
// them.
type checks struct{}

// A checker finds damage in what it keeps.
type checker interface {
	// Verify returns one line per thing that is damaged or that nothing owns.
	Verify(ctx context.Context) ([]string, error)
}

// A repairer puts right what Verify found and says what it did.
type repairer interface {
	Repair(ctx context.Context) ([]string, error)
}

// Check implements command.Checks.
func (checks) Check(env *command.Env) ([]command.CheckResult, error) {
	dirs, err := directories(env.Globals)
	if err != nil {
		return nil, err
	}
	unentered := enterSession(env.Globals, dirs) // told below, by the backend
	var all []command.CheckResult
	for _, r := range doctor.Run(env.Ctx, doctor.Dirs{Home: dirs.Home, Run: dirs.Run}) {
		all = append(all, command.CheckResult{Name: r.Name, Status: string(r.Status), Detail: r.Detail, Remedy: r.Remedy})
	}
	all = append(append(all, vmChecks(env.Ctx, env.Globals, dirs.Home, dirs.Run)...), vmNetworks())
	if unentered != nil {
		return append(all, command.CheckResult{Name: "backend", Status: "failed", Detail: unentered.Error()}), nil
	}
	s, err := env.Services()
	if err != nil {
		return append(all, command.CheckResult{Name: "backend", Status: "failed", Detail: err.Error()}), nil
	}
	backend := command.CheckResult{Name: "backend", Status: "ok", Detail: s.Backend.BackendName() + ", isolation " + string(s.Backend.Isolation())}
	all = append(append(all, backend), networks(env.Ctx, s.Backend)...)
	return append(all, verify(env.Ctx, s)...), nil
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
