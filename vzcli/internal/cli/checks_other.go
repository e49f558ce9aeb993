//go:build !linux

package cli

import "vz.internal/vzcli/internal/command"

// checks are those that the backend of this system has.
type checks struct{}

// Check implements command.Checks.
func (checks) Check(env *command.Env) ([]command.CheckResult, error) {
	s, err := env.Services()
	if err != nil {
		return []command.CheckResult{{Name: "backend", Status: "failed", Detail: err.Error()}}, nil
	}
	return []command.CheckResult{{Name: "backend", Status: "ok", Detail: s.Backend.BackendName()}}, nil
}

// Repair implements command.Checks.
func (checks) Repair(*command.Env) ([]string, error) { return nil, nil }
