package runflags

import (
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

func (f *LifeFlags) apply(cfg *vzcontract.RunConfig) (err error) {
	cfg.StopSignal = f.StopSignal
	if cfg.StopGrace, err = Grace("stop-timeout", f.StopTimeout); err != nil {
		return err
	}
	if f.Timeout < 0 {
		return bad("timeout", strconv.Itoa(f.Timeout), "want seconds from 0 up")
	}
	cfg.Timeout = time.Duration(f.Timeout) * time.Second
	if cfg.Restart, err = ParseRestart("restart", f.Restart); err != nil {
		return err
	}
	if cfg.Health, err = f.health(); err != nil {
		return err
	}
	cfg.Log, err = f.log()
	return err
}

// Grace turns seconds into a grace period; nil stays nil.
func Grace(flag string, seconds *int) (*time.Duration, error) {
	if seconds == nil {
		return nil, nil
	}
	if *seconds < -1 {
		return nil, bad(flag, strconv.Itoa(*seconds), "want seconds from 0 up, or -1 to wait for ever")
	}
	d := time.Duration(*seconds) * time.Second
	return &d, nil
}

// ParseRestart reads no, always, unless-stopped or on-failure[:N].
func ParseRestart(flag, s string) (vzcontract.RestartPolicy, error) {
	mode, count, has := strings.Cut(s, ":")
	p := vzcontract.RestartPolicy{Mode: vzcontract.RestartMode(mode)}
	switch p.Mode {
	case "", vzcontract.RestartNo, vzcontract.RestartAlways, vzcontract.RestartUnlessStopped:
		if has {
			return p, bad(flag, s, "a number of retries belongs to on-failure only")
		}
	case vzcontract.RestartOnFailure:
		if !has {
			return p, nil
		}
		n, err := strconv.Atoi(count)
		if err != nil || n < 0 {
			return p, bad(flag, s, "want a number of retries from 0 up, not %q", count)
		}
		p.MaxRetries = n
	default:
		return p, bad(flag, s, "unknown policy; known are no, always, unless-stopped and on-failure[:N]")
	}
	return p, nil
}

func (f *LifeFlags) health() (*vzcontract.HealthCheck, error) {
	h := &vzcontract.HealthCheck{Retries: f.HealthRetries}
	set := f.HealthCmd != "" || f.HealthRetries != 0
	for _, d := range []struct {
		flag, value string
		to          *time.Duration
	}{
		{"health-interval", f.HealthInterval, &h.Interval},
		{"health-timeout", f.HealthTimeout, &h.Timeout},
		{"health-start-period", f.HealthStartPeriod, &h.StartPeriod},
		{"health-start-interval", f.HealthStartInterval, &h.StartInterval},
	} {
		var err error
		if *d.to, err = duration(d.flag, d.value); err != nil {
			return nil, err
		}
		set = set || d.value != ""
	}
	switch f.HealthOnFailure {
	case "", "none":
	case "restart":
		h.Restart, set = true, true
	default:
		return nil, bad("health-on-failure", f.HealthOnFailure, "known are none and restart")
	}
	switch {
	case f.HealthRetries < 0:
		return nil, bad("health-retries", strconv.Itoa(f.HealthRetries), "want a number from 0 up")
	case f.NoHealthcheck && set:
		return nil, command.Usagef("--no-healthcheck cannot be combined with --health-*")
	case f.NoHealthcheck:
		return &vzcontract.HealthCheck{Test: []string{"NONE"}}, nil
	case !set:
		return nil, nil
	}
	if f.HealthCmd != "" {
		h.Test = []string{"CMD-SHELL", f.HealthCmd}
	}
	return h, nil
}

func (f *LifeFlags) log() (vzcontract.LogConfig, error) {
	c := vzcontract.LogConfig{Driver: f.LogDriver}
	switch c.Driver {
	case "", "json-file", "local", "none":
	default:
		return c, refuse("log-driver", c.Driver, "known are json-file, local and none; vz sends no logs over the network")
	}
	for _, o := range f.LogOpt {
		key, value, ok := strings.Cut(o, "=")
		if !ok {
			return c, bad("log-opt", o, "want KEY=VALUE")
		}
		var err error
		switch key {
		case "max-size":
			if value != "-1" {
				c.MaxSize, err = size("log-opt", value)
			}
		case "max-file":
			if c.MaxFiles, err = strconv.Atoi(value); err != nil || c.MaxFiles < 1 {
				return c, bad("log-opt", o, "want a number from 1 up")
			}
		case "mode":
			if value != "blocking" {
				return c, refuse("log-opt", o, "output is never dropped, so the mode is always blocking")
			}
		default:
			return c, refuse("log-opt", o, "known are max-size, max-file and mode")
		}
		if err != nil {
			return c, bad("log-opt", o, "want a size such as 10m")
		}
	}
	if c.Driver == "none" && (c.MaxSize != 0 || c.MaxFiles != 0) {
		return c, bad("log-opt", strings.Join(f.LogOpt, " "), "the driver none keeps no log")
	}
	if c.MaxFiles > 1 && c.MaxSize == 0 {
		return c, bad("log-opt", strings.Join(f.LogOpt, " "), "max-file needs max-size")
	}
	return c, nil
}
