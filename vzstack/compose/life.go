package compose

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"

	"vz.internal/vzcontract"
)

// life is how a container stops, restarts, is probed and logs.
func (t *translator) life(p problems, s types.ServiceConfig, run *vzcontract.RunConfig) {
	run.StopSignal = s.StopSignal
	if s.StopGracePeriod != nil {
		grace := seconds(s.StopGracePeriod)
		run.StopGrace = &grace
	}
	run.Restart = t.restart(p, s)
	run.Health = t.health(p, s.HealthCheck)
	run.Log = t.log(p, s.Logging)
}

// restart joins restart: and deploy.restart_policy; the latter wins.
func (t *translator) restart(p problems, s types.ServiceConfig) vzcontract.RestartPolicy {
	mode, count, has := strings.Cut(s.Restart, ":")
	policy := vzcontract.RestartPolicy{Mode: vzcontract.RestartMode(mode)}
	switch policy.Mode {
	case "", vzcontract.RestartNo, vzcontract.RestartAlways, vzcontract.RestartUnlessStopped, vzcontract.RestartOnFailure:
	default:
		p.add("restart", "%q: known are no, always, unless-stopped and on-failure[:N]", s.Restart)
	}
	if has {
		n, err := strconv.Atoi(count)
		if err != nil || n < 0 || policy.Mode != vzcontract.RestartOnFailure {
			p.add("restart", "%q: a number of retries belongs to on-failure", s.Restart)
		}
		policy.MaxRetries = n
	}
	if s.Deploy == nil || s.Deploy.RestartPolicy == nil {
		return policy
	}
	from := s.Deploy.RestartPolicy
	policy = vzcontract.RestartPolicy{Mode: vzcontract.RestartAlways}
	switch from.Condition {
	case "", "any", "always", "unless-stopped":
		if from.Condition == "unless-stopped" {
			policy.Mode = vzcontract.RestartUnlessStopped
		}
		if from.MaxAttempts != nil {
			p.add("deploy.restart_policy.max_attempts", "a bound belongs to the condition on-failure")
		}
	case "none", "no":
		policy.Mode = vzcontract.RestartNo
	case "on-failure":
		policy.Mode = vzcontract.RestartOnFailure
		if from.MaxAttempts != nil {
			policy.MaxRetries = int(*from.MaxAttempts)
		}
	default:
		p.add("deploy.restart_policy.condition", "%q: known are none, on-failure and any", from.Condition)
	}
	return policy
}

func (t *translator) health(p problems, h *types.HealthCheckConfig) *vzcontract.HealthCheck {
	if h == nil {
		return nil
	}
	if h.Disable || len(h.Test) > 0 && h.Test[0] == "NONE" {
		return &vzcontract.HealthCheck{Test: []string{"NONE"}}
	}
	out := &vzcontract.HealthCheck{
		Interval: seconds(h.Interval), Timeout: seconds(h.Timeout),
		StartPeriod: seconds(h.StartPeriod), StartInterval: seconds(h.StartInterval),
	}
	if h.Retries != nil {
		out.Retries = int(*h.Retries)
	}
	if len(h.Test) > 0 {
		out.Test = h.Test
		switch {
		case h.Test[0] != "CMD" && h.Test[0] != "CMD-SHELL":
			p.add("healthcheck.test", "want NONE, CMD or CMD-SHELL first, not %q", h.Test[0])
		case len(h.Test) < 2:
			p.add("healthcheck.test", "the command is missing")
		}
	}
	return out
}

func (t *translator) log(p problems, l *types.LoggingConfig) vzcontract.LogConfig {
	if l == nil {
		return vzcontract.LogConfig{}
	}
	out := vzcontract.LogConfig{Driver: l.Driver}
	switch out.Driver {
	case "", "json-file", "local", "none":
	default:
		p.add("logging.driver", "%s: known are json-file, local and none; vz sends no logs over the network", out.Driver)
		return vzcontract.LogConfig{}
	}
	for _, key := range slices.Sorted(maps.Keys(l.Options)) {
		value := l.Options[key]
		var err error
		switch key {
		case "max-size":
			if value != "-1" {
				out.MaxSize, err = units.RAMInBytes(value)
			}
		case "max-file":
			out.MaxFiles, err = strconv.Atoi(value)
		default:
			p.add("logging.options", "%s: known are max-size and max-file", key)
		}
		if err != nil {
			p.add("logging.options", "%s: %q is no number", key, value)
		}
	}
	if out.MaxFiles > 1 && out.MaxSize == 0 {
		p.add("logging.options", "max-file needs max-size")
	}
	return out
}
