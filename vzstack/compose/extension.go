package compose

import (
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"vz.internal/vzcontract"
)

// extension reads x-vz. Keys that the table does not have are refused elsewhere.
func (t *translator) extension(p problems, s types.ServiceConfig, run *vzcontract.RunConfig) {
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
			t.isolation(p, settings[key])
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

func (t *translator) isolation(p problems, value any) {
	switch full := t.host.Isolation == vzcontract.IsolationFull; {
	case value == "vm" && !full:
		p.add("isolation", "vm: this backend shares the host's kernel; use --backend vm")
	case value == "native" && full:
		p.add("isolation", "native: this backend runs virtual machines; use --backend native")
	case value != "vm" && value != "native":
		p.add("isolation", "want native or vm")
	}
}
