package poolsocket

import (
	"time"

	"vz.internal/vzsandbox"
)

// A request asks one thing of a pool.
type request struct {
	Acquire *AcquireRequest `json:"acquire,omitempty"`
	// Taken is the id of a sandbox that the caller has the answer about: until then
	// the pool's process removes it when the connection ends.
	Taken  string `json:"taken,omitempty"`
	Status bool   `json:"status,omitempty"`
	Stop   bool   `json:"stop,omitempty"`
}

type response struct {
	Acquired *Acquired `json:"acquired,omitempty"`
	Status   *Status   `json:"status,omitempty"`
}

// An AcquireRequest says what is wanted of a pool; see vzsandbox.AcquireOptions. The
// project must lie below the root of the pool's process.
type AcquireRequest struct {
	Project  *vzsandbox.Project `json:"project,omitempty"`
	Name     string             `json:"name,omitempty"`
	Labels   map[string]string  `json:"labels,omitempty"`
	Metadata map[string]string  `json:"metadata,omitempty"`
	Wait     bool               `json:"wait,omitempty"`
}

// An Acquired is a sandbox that belongs to the caller from now on.
type Acquired struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Workspace string `json:"workspace"`
}

// A Status is what a pool has at a moment. One whose process was killed has its name
// alone, and Dead.
type Status struct {
	vzsandbox.PoolStatus
	Size  int    `json:"size"`
	Image string `json:"image"`
	// Error is the last failure of making a sandbox.
	Error string    `json:"error,omitempty"`
	PID   int       `json:"pid"` // of the process that holds it
	Since time.Time `json:"since,omitzero"`
	Dead  bool      `json:"dead,omitempty"`
}
