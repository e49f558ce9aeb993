//go:build !linux

package cli

import "vz.internal/vzcli/internal/command"

// checks are those of what runs virtual machines, and of vz's own files.
type checks struct{}

// Check implements command.Checks.
func (checks) Check(env *command.Env) ([]command.CheckResult, error) {
	dirs, err := directories(env.Globals)
	if err != nil {
		return nil, err
	}
	g := env.Globals
	g.Backend = "vm" // there is no other
	all := vmChecks(env.Ctx, g, dirs.Home, dirs.Run)
	s, err := env.Services()
	if err != nil {
		return append(all, command.CheckResult{Name: "backend", Status: "failed", Detail: err.Error()}), nil
	}
	all = append(all, command.CheckResult{Name: "backend", Status: "ok", Detail: s.Backend.BackendName() + ", isolation " + string(s.Backend.Isolation())})
	return append(all, verify(env.Ctx, s)...), nil
}
