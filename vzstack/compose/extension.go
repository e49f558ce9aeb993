package compose

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
)

// extension reads x-vz. Keys that the table does not have are refused elsewhere.
func (t *translator) extension(p problems, s types.ServiceConfig, run *vzcontract.RunConfig) {
	if len(t.host.Isolations) > 1 && t.host.Isolation == vzcontract.IsolationFull {
		run.Isolation = t.host.Isolation // so that another choice later makes new containers
	}
	raw, ok := s.Extensions["x-vz"]
	if !ok {
		return
	}
	settings, ok := raw.(map[string]any)
	if !ok {
		p.add("x-vz", "want a mapping")
		return
	}
	p = p.below("x-vz")
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		switch key {
		case "isolation":
			t.isolation(p, settings[key], run)
		case "restart_unhealthy":
			on, ok := settings[key].(bool)
			switch {
			case !ok:
				p.add(key, "want true or false")
			case on && run.Health == nil:
				run.Health = &vzcontract.HealthCheck{Restart: true} // of the image's check
			case on && !run.Health.Probes() && len(run.Health.Test) > 0:
				p.add(key, "the service's health check is disabled")
			case on:
				run.Health.Restart = true
			}
		}
	}
}

// isolation makes the service's containers virtual machines, or not.
func (t *translator) isolation(p problems, value any, run *vzcontract.RunConfig) {
	var want vzcontract.Isolation
	switch value {
	case "vm":
		want = vzcontract.IsolationFull
	case "native":
		want = vzcontract.IsolationContainer
	default:
		p.add("isolation", "want native or vm")
		return
	}
	full := t.host.Isolation == vzcontract.IsolationFull
	switch {
	case slices.Contains(t.host.Isolations, want):
		run.Isolation = want
	case full && value == "native":
		p.add("isolation", "native: this backend runs virtual machines only")
	case !full && value == "vm":
		p.add("isolation", "vm: this backend runs no virtual machines")
	}
}
