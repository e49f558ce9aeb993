package plan

import (
	"time"

	"vz.internal/vzcontract"
)

// Desired is what a project should be.
type Desired struct {
	Project string
	// Dir and Files say where it comes from.
	Dir      string
	Files    []string
	Networks []Network // sorted by key
	Volumes  []Volume  // sorted by key
	Services []Service // sorted by name
	// SharedVM is where all containers live; nil is that each has a place of its own.
	SharedVM *SharedVM `json:",omitempty"`
}

// Service returns the named service, or nil.
func (d *Desired) Service(name string) *Service {
	for i := range d.Services {
		if d.Services[i].Name == name {
			return &d.Services[i]
		}
	}
	return nil
}

// A Network is one that services connect to.
type Network struct {
	Key      string // its name in the file
	External bool
	Config   vzcontract.NetworkConfig
	// Hash is over all of Config; a different one means to make it anew.
	Hash string
}

// A Volume is one that services mount by name.
type Volume struct {
	Key      string
	External bool
	Config   vzcontract.VolumeConfig
	Hash     string
}

// A Service is a set of equal containers.
type Service struct {
	Name     string
	Replicas int
	// Run is each replica's configuration, apart from its name and number.
	Run vzcontract.RunConfig
	// ContainerName replaces the derived name.
	ContainerName string
	// Separator joins the parts of the derived name; empty is "-".
	Separator string
	// Hash is over everything that matters: another one means a new container.
	Hash      string
	DependsOn []Dependency // sorted by service
	// SharesWith are services whose first container's namespaces or volumes
	// this one uses: it cannot outlive that container.
	SharesWith []string
	PostStart  []Hook
	PreStop    []Hook
	// Build: the file has build:, which is not done here, so the image must
	// exist.
	Build bool
	// RefreshAfter pulls again when the last pull is older; 0 is not asked for.
	RefreshAfter time.Duration
	// Attach is false where the output is not to be shown.
	Attach bool
	// Files are put on the host before a container is made.
	Files []File
}

// Condition is what a service waits for.
type Condition string

// The conditions of depends_on.
const (
	Started   Condition = "service_started"
	Healthy   Condition = "service_healthy"
	Completed Condition = "service_completed_successfully"
)

// A Dependency is one entry of depends_on.
type Dependency struct {
	Service   string    `json:"service"`
	Condition Condition `json:"condition"`
	// Restart: this service restarts when the other one was.
	Restart bool `json:"restart,omitempty"`
	// Optional: a dependency that is missing or fails is only warned about.
	Optional bool `json:"optional,omitempty"`
}

// A Hook is a command that runs in a container after its start or before its
// stop.
type Hook struct {
	Args       []string `json:"args"`
	Env        []string `json:"env,omitempty"`
	User       string   `json:"user,omitempty"`
	WorkingDir string   `json:"workingDir,omitempty"`
	Privileged bool     `json:"privileged,omitempty"`
}

// A File is one that secrets and configs need on the host, below the project's
// own directory.
type File struct {
	Path    string
	Content []byte `json:"-"`
	// UID and GID own it; nil leaves the user who runs vz.
	UID, GID *int
	Mode     uint32
}
