package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"vz.internal/vzcli/internal/command"
)

// A router knows what its networks meet on the host.
type router interface {
	NetworkObstacles(ctx context.Context) (map[string]string, error)
	HostSettings() ([]string, error)
}

// networks tells what keeps containers from the world outside, and what was
// changed on the host for them.
func networks(ctx context.Context, backend any) []command.CheckResult {
	r, ok := backend.(router)
	if !ok {
		return nil
	}
	var all []command.CheckResult
	obstacles, err := r.NetworkObstacles(ctx)
	switch {
	case err != nil:
		all = append(all, command.CheckResult{Name: "networks", Status: "warning", Detail: err.Error()})
	case len(obstacles) == 0:
		all = append(all, command.CheckResult{Name: "networks", Status: "ok", Detail: "nothing on the host keeps them from the outside"})
	}
	for _, name := range slices.Sorted(maps.Keys(obstacles)) {
		all = append(all, command.CheckResult{
			Name: "networks", Status: "warning",
			Detail: name + ": " + obstacles[name] + "; TCP and published ports go through a proxy, UDP and ICMP do not get out",
			Remedy: "accept there what the network's bridge sends and gets; vz network inspect " + name + " names it",
		})
	}
	settings, err := r.HostSettings()
	switch {
	case err != nil:
		all = append(all, command.CheckResult{Name: "host settings", Status: "warning", Detail: err.Error()})
	case len(settings) > 0:
		all = append(all, command.CheckResult{Name: "host settings", Status: "ok", Detail: "changed for networks: " + strings.Join(settings, ", ")})
	}
	return all
}
