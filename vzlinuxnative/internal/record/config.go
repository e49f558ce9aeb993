package record

import (
	"maps"
	"slices"
	"time"

	"vz.internal/vzcontract"
)

// A Config is what was asked for, with the image's part and all defaults
// filled in. It is written once.
type Config struct {
	ID        string               `json:"id"`
	CreatedAt time.Time            `json:"createdAt"`
	Run       vzcontract.RunConfig `json:"run"`
	// Image is the reference used, ImageID the digest of its config.
	Image       string                 `json:"image,omitempty"`
	ImageID     string                 `json:"imageID,omitempty"`
	ImageConfig vzcontract.ImageConfig `json:"imageConfig,omitzero"`
	// Layers are the directories of the root, top layer first.
	Layers     []string          `json:"layers"`
	Command    []string          `json:"command"`
	Env        []string          `json:"env,omitempty"`
	WorkingDir string            `json:"workingDir"`
	User       string            `json:"user,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Mounts     []Mount           `json:"mounts,omitempty"`
	LogPath    string            `json:"logPath,omitempty"`
	// CgroupsPath is the cgroup, absolute inside each hierarchy; "" without one.
	CgroupsPath string `json:"cgroupsPath"`
}

// A Mount is one of the container's with its place on the host.
type Mount struct {
	vzcontract.Mount
	// HostPath is the source of a bind, volume or image mount.
	HostPath string `json:"hostPath,omitempty"`
	// Volume is the name of the volume.
	Volume    string `json:"volume,omitempty"`
	Anonymous bool   `json:"anonymous,omitempty"`
	// Layers are those of an image mount, top layer first.
	Layers []string `json:"layers,omitempty"`
}

// A State is what has become of a container.
type State struct {
	Name      string           `json:"name"`
	State     vzcontract.State `json:"state"`
	StartedAt time.Time        `json:"startedAt,omitzero"`
	StoppedAt time.Time        `json:"stoppedAt,omitzero"`
	PID       int              `json:"pid,omitempty"`
	// Birth tells the process from others that have its pid (process.Birth), where no
	// cgroup does; it is there before the workload begins.
	Birth string `json:"birth,omitempty"`
	// Exit is of the last run; Exits counts the runs that ended.
	Exit         *vzcontract.ExitStatus `json:"exit,omitempty"`
	LastExit     *vzcontract.ExitStatus `json:"lastExit,omitempty"`
	Exits        int                    `json:"exits,omitempty"`
	Error        string                 `json:"error,omitempty"`
	RestartCount int                    `json:"restartCount,omitempty"`
	Restarting   bool                   `json:"restarting,omitempty"`
	// StopAsked: somebody asked the workload to end, so no restart follows.
	StopAsked    bool                         `json:"stopAsked,omitempty"`
	Health       *vzcontract.HealthStatus     `json:"health,omitempty"`
	Ports        []vzcontract.PublishedPort   `json:"ports,omitempty"`
	Networks     []vzcontract.NetworkEndpoint `json:"networks,omitempty"`
	RootfsDriver string                       `json:"rootfsDriver,omitempty"`
	RootfsData   map[string]string            `json:"rootfsData,omitempty"`
	// Resources and Restart are what an update changed.
	Resources *vzcontract.Resources     `json:"resources,omitempty"`
	Restart   *vzcontract.RestartPolicy `json:"restart,omitempty"`
	// Attach are networks joined after create, Detach those of the config that were left.
	Attach []vzcontract.NetworkAttach `json:"attach,omitempty"`
	Detach []string                   `json:"detach,omitempty"`
	// Mounts were added after create.
	Mounts []AddedMount `json:"mounts,omitempty"`
}

// Live reports whether the record says that processes run.
func (s *State) Live() bool {
	return s.State == vzcontract.StateRunning || s.State == vzcontract.StatePaused
}

// RunConfig is what was asked for with the updates since.
func RunConfig(c *Config, s *State) vzcontract.RunConfig {
	run := c.Run
	run.Name = s.Name
	if s.Resources != nil {
		run.Resources = *s.Resources
	}
	if s.Restart != nil {
		run.Restart = *s.Restart
	}
	for _, m := range s.Mounts {
		run.Mounts = append(slices.Clip(run.Mounts), m.Mount.Mount)
	}
	return run
}

// Info is the record in the contract's form.
func Info(c *Config, s *State) vzcontract.ContainerInfo {
	info := vzcontract.ContainerInfo{
		ID: c.ID, Name: s.Name, State: s.State, Config: RunConfig(c, s),
		Image: c.Image, ImageID: c.ImageID, Command: c.Command, Env: c.Env, WorkingDir: c.WorkingDir, User: c.User,
		Labels: maps.Clone(c.Labels), CreatedAt: c.CreatedAt, StartedAt: s.StartedAt, StoppedAt: s.StoppedAt,
		PID: s.PID, Exit: s.Exit, Error: s.Error, RestartCount: s.RestartCount, Restarting: s.Restarting, StopAsked: s.StopAsked,
		Health: s.Health, Ports: s.Ports, Networks: s.Networks, LogPath: c.LogPath,
		RootfsDriver: s.RootfsDriver, RootfsData: s.RootfsData, Exposed: vzcontract.ExposedPorts(c.ImageConfig, c.Run),
	}
	if !s.Live() {
		info.Networks = vzcontract.ConfiguredEndpoints(info.Config.NetworkMode, Attachments(info.Config, s))
	}
	for _, m := range Mounts(c, s) {
		source := m.HostPath
		info.Mounts = append(info.Mounts, vzcontract.MountInfo{
			Type: m.Type, Name: m.Volume, Source: source, Target: m.Target, ReadOnly: m.ReadOnly,
			Propagation: m.Propagation, Anonymous: m.Anonymous,
		})
	}
	return info
}
