package cli

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzlinuxnative/doctor"
)

// checks are those of the host; then those of vz's own files, by whoever keeps
// them.
type checks struct{}

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
