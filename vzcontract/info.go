package vzcontract

import (
	"slices"
	"strings"
	"time"
)

// ContainerInfo is what is known of a container. It is always consistent:
// created has no start or stop time; running and paused have a start and no
// stop; stopped has both, start ≤ stop, and an exit status.
type ContainerInfo struct {
	ID    string `json:"id"` // 64 hex digits
	Name  string `json:"name"`
	State State  `json:"state"`
	// Config is as given to Create, after defaults of the backend, with the changes
	// since by Update and by a Mounter.
	Config RunConfig `json:"config"`
	// Image is the reference used and ImageID the digest of its config.
	Image   string `json:"image,omitempty"`
	ImageID string `json:"imageID,omitempty"`
	// Command is the argv that runs: entrypoint and args joined.
	Command []string `json:"command"`
	// Env, WorkingDir and User are the effective ones (image and Config merged).
	Env        []string `json:"env,omitempty"`
	WorkingDir string   `json:"workingDir,omitempty"`
	User       string   `json:"user,omitempty"`
	// Labels are the image's and Config's, merged.
	Labels map[string]string `json:"labels,omitempty"`

	CreatedAt time.Time `json:"createdAt"`
	StartedAt time.Time `json:"startedAt,omitzero"`
	StoppedAt time.Time `json:"stoppedAt,omitzero"`

	PID  int         `json:"pid,omitempty"`  // host pid; 0 when not running
	Exit *ExitStatus `json:"exit,omitempty"` // of the last run; nil before and while running
	// Error is why the last start failed.
	Error        string `json:"error,omitempty"`
	RestartCount int    `json:"restartCount,omitempty"`
	Restarting   bool   `json:"restarting,omitempty"`
	// StopAsked: the last run was ended on request (Stop, Kill), so that no
	// restart policy brings it back.
	StopAsked bool          `json:"stopAsked,omitempty"`
	Health    *HealthStatus `json:"health,omitempty"`
	// Orphaned: the container runs but its monitor is gone, so its output is
	// lost and it cannot be attached to or restarted by policy.
	Orphaned bool `json:"orphaned,omitempty"`

	// Exposed are the ports that the image and Config name as listened on, such
	// as "80/tcp", sorted, each once, whether they are published or not.
	Exposed []string        `json:"exposed,omitempty"`
	Ports   []PublishedPort `json:"ports,omitempty"`
	// Networks are those that it is on; created or stopped, those that it will be on
	// (see [ConfiguredEndpoints]).
	Networks []NetworkEndpoint `json:"networks,omitempty"`
	Mounts   []MountInfo       `json:"mounts,omitempty"`
	// MaskedPaths are hidden from the container and ReadonlyPaths not to be written, of
	// /proc and /sys. Inspect alone tells them.
	MaskedPaths   []string `json:"maskedPaths,omitempty"`
	ReadonlyPaths []string `json:"readonlyPaths,omitempty"`

	// LogPath is the current log file; empty with log driver none.
	LogPath string `json:"logPath,omitempty"`
	// RootfsDriver says how the root was made: "overlay", "copy", "virtiofs", …
	RootfsDriver string            `json:"rootfsDriver,omitempty"`
	RootfsData   map[string]string `json:"rootfsData,omitempty"`
	// Backend is the name of the backend that owns the container.
	Backend string `json:"backend"`
}

// ExposedPorts joins the ports that an image and a container's settings expose:
// sorted, each once, "80" as "80/tcp".
func ExposedPorts(image ImageConfig, run RunConfig) []string {
	var all []string
	for _, port := range slices.Concat(image.ExposedPorts, run.Expose) {
		if !strings.Contains(port, "/") {
			port += "/tcp"
		}
		all = append(all, port)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ExitStatus is how a workload ended.
type ExitStatus struct {
	// Code is the exit code, or 128+Signal.
	Code   int `json:"code"`
	Signal int `json:"signal,omitempty"`
	// OOMKilled: the kernel killed a process of it for memory.
	OOMKilled bool `json:"oomKilled,omitempty"`
	// Unknown: the end was not observed (its monitor had died); Code is 255.
	Unknown bool `json:"unknown,omitempty"`
}

// HealthState is the verdict of a health check.
type HealthState string

// The health states.
const (
	HealthStarting  HealthState = "starting"
	HealthHealthy   HealthState = "healthy"
	HealthUnhealthy HealthState = "unhealthy"
)

// HealthStatus is the verdict with its last (at most five) probes.
type HealthStatus struct {
	Status        HealthState   `json:"status"`
	FailingStreak int           `json:"failingStreak"`
	Log           []HealthProbe `json:"log,omitempty"`
}

// A HealthProbe is one run of the health command.
type HealthProbe struct {
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	ExitCode int       `json:"exitCode"`
	Output   string    `json:"output"` // at most 4096 bytes
}

// A PublishedPort is one host port that reaches a container.
type PublishedPort struct {
	HostIP        string `json:"hostIP"`
	HostPort      uint16 `json:"hostPort"`
	ContainerPort uint16 `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

// A NetworkEndpoint is a container's place on a network.
type NetworkEndpoint struct {
	Network    string   `json:"network"`
	NetworkID  string   `json:"networkID"`
	Interface  string   `json:"interface,omitempty"` // inside the container
	IPv4       string   `json:"ipv4,omitempty"`
	IPv4Prefix int      `json:"ipv4Prefix,omitempty"`
	Gateway4   string   `json:"gateway4,omitempty"`
	IPv6       string   `json:"ipv6,omitempty"`
	IPv6Prefix int      `json:"ipv6Prefix,omitempty"`
	Gateway6   string   `json:"gateway6,omitempty"`
	MACAddress string   `json:"macAddress,omitempty"`
	Aliases    []string `json:"aliases,omitempty"`
}

// MountInfo is a mount as it was made.
type MountInfo struct {
	Type        MountType `json:"type"`
	Name        string    `json:"name,omitempty"` // of a volume
	Source      string    `json:"source"`         // host path
	Target      string    `json:"target"`
	ReadOnly    bool      `json:"readOnly"`
	Propagation string    `json:"propagation,omitempty"`
	// Anonymous: the volume was made for this container and goes with rm -v.
	Anonymous bool `json:"anonymous,omitempty"`
}
