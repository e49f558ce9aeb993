//go:build linux

// Package engine is the seam between the native backend and whatever makes
// Linux containers. Package libct does it with runc's libcontainer in this
// process; other engines may call an external OCI runtime or make the system
// calls themselves. Nothing above this package knows which.
package engine

import (
	"context"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// An Engine makes containers from OCI runtime specs. Its process is the parent
// of theirs, so it must live as long as they do.
type Engine interface {
	// Name is "libcontainer", "runc", …
	Name() string
	// Create makes the namespaces, the root and the cgroup of req, with a
	// process in them that waits to become req.Spec.Process. A program that
	// is not there or cannot be executed is vzcontract.ErrNoSuchProgram or
	// ErrCannotExec, here or in Container.Start. After an error nothing is left.
	Create(ctx context.Context, req CreateRequest) (Container, error)
	// Cleanup kills and removes what is left of a container whose engine
	// process died: processes in its cgroup, the cgroup, files below
	// stateDir. It is idempotent.
	Cleanup(ctx context.Context, id, stateDir, cgroupsPath string) error
}

// A CreateRequest describes a container to make.
type CreateRequest struct {
	ID string
	// Spec is complete: Root.Path is a mounted, absolute path;
	// Linux.CgroupsPath is set; users are numbers.
	Spec *specs.Spec
	// StateDir is a directory for the engine's own files, which makes it when
	// it needs one.
	StateDir string
	Stdio    Stdio
}

// Stdio are the container's ends of its streams; the engine hands them to the
// process as they are and does not close them. A nil one is /dev/null. They
// are ignored for a process with a terminal.
type Stdio struct {
	Stdin, Stdout, Stderr *os.File
}

// A Container is one made by Create. Methods are safe for concurrent use.
type Container interface {
	// PID is the host pid of the container's init.
	PID() int
	// Console is the master of the init's terminal, nil without one. The
	// caller closes it.
	Console() *os.File
	// Start lets the init become the workload.
	Start(ctx context.Context) error
	// Wait reaps the init. It is called once.
	Wait() (unix.WaitStatus, error)
	// Exec starts another process in the container.
	Exec(ctx context.Context, req ExecRequest) (Process, error)
	// Destroy removes the cgroup and the engine's files, killing what is
	// left of the container first. It is idempotent.
	Destroy(ctx context.Context) error
}

// An ExecRequest describes a further process. The engine puts it into its own
// child cgroup where it can, so that Kill reaches all it started.
type ExecRequest struct {
	ID      string
	Process *specs.Process
	Stdio   Stdio
}

// A Process is one made by Container.Exec.
type Process interface {
	PID() int
	Console() *os.File // as Container.Console
	Wait() (unix.WaitStatus, error)
	// Kill ends the process and every process it started that is still its
	// descendant or in its session.
	Kill(ctx context.Context) error
}

// SpecInput is what a spec is made from: see package ocispec.
type SpecInput struct {
	ID     string
	Config vzcontract.RunConfig
	Image  vzcontract.ImageConfig
	Argv   []string // entrypoint and args, joined
	Env    []string // merged
	Cwd    string
	User   string
	// RootPath is the mounted root.
	RootPath string
	// CgroupsPath is the cgroup, absolute inside each hierarchy.
	CgroupsPath string
	// Binds are mounts resolved to host paths (volumes included), in the
	// order in which they are made. /etc/hosts and friends are among them.
	Binds []ResolvedMount
	// Namespace paths (/proc/PID/ns/…) to join instead of making new ones;
	// "host" in Config.Namespaces needs no path.
	JoinNamespaces map[specs.LinuxNamespaceType]string
}

// A ResolvedMount is a mount whose host source is known.
type ResolvedMount struct {
	vzcontract.Mount
	// HostPath is the absolute source of a bind or volume.
	HostPath string
	// SourceFD, when not 0, is an open descriptor of the source, used instead of HostPath so
	// that nobody can swap it (volume subpaths).
	SourceFD int
}
