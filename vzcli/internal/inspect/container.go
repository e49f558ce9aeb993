package inspect

import (
	"time"

	"vz.internal/vzcontract"
)

// Container is docker's document of a container.
type Container struct {
	ID              string `json:"Id"`
	Created         string
	Path            string
	Args            []string
	State           State
	Image           string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string
	RestartCount    int
	Driver          string
	Platform        string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	ExecIDs         []string
	HostConfig      HostConfig
	GraphDriver     GraphDriver
	SizeRw          *int64 `json:",omitempty"`
	SizeRootFs      *int64 `json:",omitempty"`
	Mounts          []Mount
	Config          Config
	NetworkSettings NetworkSettings
	// Backend, SharedVM, Egress and Orphaned are vz's own.
	Backend  string
	SharedVM string  `json:",omitempty"`
	Egress   *Egress `json:",omitempty"`
	Orphaned bool
}

// Egress is what alone the container may reach.
type Egress struct{ Allow []string }

// State is how the container is.
type State struct {
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  string
	FinishedAt string
	// Signal and ExitUnknown are vz's own.
	Signal      int     `json:",omitempty"`
	ExitUnknown bool    `json:",omitempty"`
	Health      *Health `json:",omitempty"`
}

// Health is the verdict of the health check.
type Health struct {
	Status        string
	FailingStreak int
	Log           []Probe
}

// Probe is one run of the health check.
type Probe struct {
	Start, End time.Time
	ExitCode   int
	Output     string
}

// GraphDriver says how the root file system is made.
type GraphDriver struct {
	Name string
	Data map[string]string
}

// Mount is one mount of the container.
type Mount struct {
	Type        string
	Name        string `json:",omitempty"`
	Source      string
	Destination string
	Driver      string `json:",omitempty"`
	Mode        string
	RW          bool
	Propagation string
}

// OfContainer words c.
func OfContainer(c vzcontract.ContainerInfo) Container {
	d := Container{
		ID: c.ID, Created: stamp(c.CreatedAt), Args: []string{}, State: stateOf(c), Image: c.ImageID, LogPath: c.LogPath,
		Name: "/" + c.Name, RestartCount: c.RestartCount, Driver: c.RootfsDriver, Platform: "linux",
		AppArmorProfile: c.Config.Security.AppArmor, HostConfig: hostConfig(c), Mounts: mounts(c), Config: config(c),
		GraphDriver: GraphDriver{Name: c.RootfsDriver, Data: c.RootfsData}, NetworkSettings: networkSettings(c),
		ResolvConfPath: c.RootfsData["ResolvConfPath"], HostnamePath: c.RootfsData["HostnamePath"], HostsPath: c.RootfsData["HostsPath"],
		Backend: c.Backend, SharedVM: c.Config.SharedVM, Orphaned: c.Orphaned,
	}
	if c.Config.Egress != nil {
		d.Egress = &Egress{Allow: orEmpty(c.Config.Egress.Allow)}
	}
	if len(c.Command) > 0 {
		d.Path, d.Args = c.Command[0], orEmpty(c.Command[1:])
	}
	return d
}

func stateOf(c vzcontract.ContainerInfo) State {
	s := State{
		Status: string(c.State), Running: c.State == vzcontract.StateRunning || c.State == vzcontract.StatePaused || c.Restarting,
		Paused: c.State == vzcontract.StatePaused, Restarting: c.Restarting, Pid: c.PID, Error: c.Error,
		StartedAt: stamp(c.StartedAt), FinishedAt: stamp(c.StoppedAt),
	}
	switch {
	case c.Restarting:
		s.Status = "restarting"
	case c.State == vzcontract.StateStopped:
		s.Status = "exited"
	}
	if c.Exit != nil {
		s.ExitCode, s.OOMKilled, s.Signal, s.ExitUnknown = c.Exit.Code, c.Exit.OOMKilled, c.Exit.Signal, c.Exit.Unknown
	}
	if h := c.Health; h != nil {
		s.Health = &Health{Status: string(h.Status), FailingStreak: h.FailingStreak, Log: []Probe{}}
		for _, p := range h.Log {
			s.Health.Log = append(s.Health.Log, Probe(p))
		}
	}
	return s
}

func mounts(c vzcontract.ContainerInfo) []Mount {
	all := []Mount{}
	for _, m := range c.Mounts {
		d := Mount{Type: string(m.Type), Name: m.Name, Source: m.Source, Destination: m.Target, RW: !m.ReadOnly, Propagation: m.Propagation}
		switch m.Type {
		case vzcontract.MountVolume:
			d.Driver = "local"
		case vzcontract.MountBind:
			d.Propagation = or(d.Propagation, "rprivate")
		}
		if m.ReadOnly {
			d.Mode = "ro"
		}
		all = append(all, d)
	}
	return all
}

// stamp is docker's form of a time; none is the year 1.
func stamp(t time.Time) string {
	return t.UTC().Format(time.RFC3339Nano)
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func orEmptyMap[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}
