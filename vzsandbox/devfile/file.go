package devfile

import (
	"bytes"
	_ "embed"
	"encoding/json"
)

// Name is what the file is called.
const Name = "vz.json"

// The defaults of a file that does not say otherwise.
const (
	DefaultImage     = "ubuntu:24.04"
	DefaultWorkspace = "/workspace"
)

// Schema is the JSON Schema of the format.
//
//go:embed vz.schema.json
var Schema []byte

// A File is what vz.json says. [Parse] and [Detect] fill in defaults, so that all
// is as it will be used.
type File struct {
	// Schema is for editors; vz does not read it.
	Schema string `json:"$schema,omitempty"`
	// Image is an OCI reference.
	Image string `json:"image"`
	// Workspace is an absolute path in the environment, where programs start that
	// are called from a directory without a counterpart.
	Workspace string `json:"workspace"`
	// Mounts are what of the host is seen inside. Where the key is missing, it is the
	// project, at Workspace.
	Mounts []Mount `json:"mounts"`
	// Setup are commands that run once as root by `sh -c`, in order, in the image
	// and without the mounts; the first that fails ends it.
	Setup []string `json:"setup"`
	// Env are variables of all programs, those of Setup too.
	Env map[string]string `json:"env"`
	// Ports are published on the host.
	Ports []Port `json:"ports"`
	// Resources are limits; zero ones do not limit.
	Resources Resources `json:"resources,omitzero"`
	// Backend is auto, native or vm, or one of their aliases; empty is auto.
	Backend string `json:"backend,omitempty"`
}

// A Mount is a file or directory of the host that is seen inside.
type Mount struct {
	// Source is absolute or relative to the directory of vz.json.
	Source string `json:"source"`
	// Target is absolute or relative to the workspace.
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly,omitempty"`
}

// A Port is [[ADDRESS:]HOST:]PORT[/tcp|udp], or only a number. Without ADDRESS
// it is 127.0.0.1, without HOST the same as PORT.
type Port string

// Resources are limits of the environment as a whole.
type Resources struct {
	// CPUs is how many processors' time, such as 1.5.
	CPUs float64 `json:"cpus,omitempty"`
	// Memory and Disk are bytes with one of the suffixes k, m, g and t, for powers of 1024.
	Memory Size `json:"memory,omitempty"`
	Disk   Size `json:"disk,omitempty"`
}

// A Size is a number of bytes as it is written, such as "512m".
type Size string

// Encode writes f as it would be written by hand, with a newline at the end.
func (f File) Encode() ([]byte, error) {
	f.fill()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // a && b
	e.SetIndent("", "  ")
	err := e.Encode(f)
	return b.Bytes(), err
}
