package inspect

import (
	"slices"
	"time"

	"vz.internal/vzcontract"
)

// Config is the part of a container's settings that could move to another host.
type Config struct {
	Hostname     string
	Domainname   string
	User         string
	AttachStdin  bool
	AttachStdout bool
	AttachStderr bool
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Tty          bool
	OpenStdin    bool
	StdinOnce    bool
	Env          []string
	Cmd          []string
	Healthcheck  *Healthcheck `json:",omitempty"`
	Image        string
	Volumes      map[string]struct{}
	WorkingDir   string
	Entrypoint   []string
	OnBuild      []string
	Labels       map[string]string
	StopSignal   string   `json:",omitempty"`
	StopTimeout  *int     `json:",omitempty"`
	Shell        []string `json:",omitempty"`
}

// Healthcheck is how the health is checked; times in nanoseconds, and in templates as 1m30s.
type Healthcheck struct {
	Test          []string      `json:",omitempty"`
	Interval      time.Duration `json:",omitempty"`
	Timeout       time.Duration `json:",omitempty"`
	StartPeriod   time.Duration `json:",omitempty"`
	StartInterval time.Duration `json:",omitempty"`
	Retries       int           `json:",omitempty"`
}

func config(c vzcontract.ContainerInfo) Config {
	run := c.Config
	d := Config{
		Hostname: run.Hostname, Domainname: run.Domainname, User: c.User, AttachStdin: run.StdinOnce,
		Tty: run.TTY, OpenStdin: run.OpenStdin, StdinOnce: run.StdinOnce, Env: orEmpty(c.Env),
		Cmd: command(c), Entrypoint: run.Entrypoint, Healthcheck: healthcheck(run.Health), Image: c.Image,
		WorkingDir: c.WorkingDir, Labels: orEmptyMap(c.Labels), StopSignal: run.StopSignal,
	}
	if d.Hostname == "" && run.Namespaces.UTS == "" {
		d.Hostname = c.ID[:min(12, len(c.ID))]
	}
	if run.StopGrace != nil {
		seconds := int(run.StopGrace.Seconds())
		d.StopTimeout = &seconds
	}
	for _, p := range c.Exposed {
		d.ExposedPorts = add(d.ExposedPorts, p)
	}
	for _, p := range c.Ports {
		d.ExposedPorts = add(d.ExposedPorts, portName(p))
	}
	for _, m := range c.Mounts {
		if m.Anonymous {
			d.Volumes = add(d.Volumes, m.Target)
		}
	}
	return d
}

// command is what runs after the entrypoint.
func command(c vzcontract.ContainerInfo) []string {
	if len(c.Config.Args) > 0 {
		return c.Config.Args
	}
	n := len(c.Config.Entrypoint)
	if n <= len(c.Command) && slices.Equal(c.Command[:n], c.Config.Entrypoint) {
		return c.Command[n:]
	}
	return nil
}

func healthcheck(h *vzcontract.HealthCheck) *Healthcheck {
	if h == nil {
		return nil
	}
	return &Healthcheck{
		Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod,
		StartInterval: h.StartInterval, Retries: h.Retries,
	}
}

func add(set map[string]struct{}, key string) map[string]struct{} {
	if set == nil {
		set = map[string]struct{}{}
	}
	set[key] = struct{}{}
	return set
}
