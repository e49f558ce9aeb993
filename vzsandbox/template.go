package vzsandbox

import (
	"path"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

// Defaults of a [Template].
const (
	DefaultWorkspace = "/workspace"
	DefaultPids      = 1024
)

// A Template says what sandboxes are made from. The zero value of each field is the
// safe or the image's own choice. It is kept as JSON in a label of the container, all but
// Env and Labels, which the container has itself; `vz inspect` shows all of it, so
// secrets belong in Command.Env or Command.Stdin.
type Template struct {
	// Image is a reference, a digest or an id, pulled if it is missing. Exactly one
	// of Image and Rootfs is set.
	Image string `json:"image,omitempty"`
	// Rootfs is an absolute directory of the host that is the lower layer of the
	// root; what is written does not reach it.
	Rootfs string `json:"rootfs,omitempty"`
	// Platform is os/arch[/variant]; empty is the host's.
	Platform string `json:"platform,omitempty"`
	// Setup are commands that are run once, each with `sh -c`, in order. Their result
	// is an image that is kept and found again by the base image and the commands.
	// Needs Options.Setup.
	Setup []string `json:"setup,omitempty"`

	// Env has "NAME=value" entries over those of the image, for all commands.
	Env []string `json:"env,omitempty"`
	// User runs the commands: uid|name[:gid|group] of the image; empty is the
	// image's own.
	User string `json:"user,omitempty"`
	// Workspace is where the project is and commands start; empty is
	// DefaultWorkspace. It is made if the image lacks it.
	Workspace string `json:"workspace,omitempty"`

	Limits  Limits  `json:"limits,omitzero"`
	Network Network `json:"network,omitzero"`
	// Capabilities are given besides the default ones (see DefaultCapabilities),
	// with or without CAP_.
	Capabilities []string `json:"capabilities,omitempty"`
	// GainPrivileges lets programs such as sudo, which are setuid, gain privileges.
	GainPrivileges bool `json:"gainPrivileges,omitempty"`

	// TTL ends the sandbox this long after its start, whoever uses it; 0 is never.
	// The backend enforces it, without the process that made the sandbox, which is then
	// terminated and removed by Host.Sweep. That of a pool's sandbox counts from Acquire,
	// and the pool's process enforces it and removes the sandbox.
	TTL time.Duration `json:"ttl,omitempty"`
	// IdleTimeout removes the sandbox when no command ran and no file was moved in or
	// out for this long; 0 is never. A running command is no idleness, whichever process
	// runs it; one that was started with Detach is, once its Process is closed. It is
	// enforced by the process that made or acquired the sandbox, while that lives and
	// until Sandbox.Close.
	IdleTimeout time.Duration `json:"idleTimeout,omitempty"`
	// CommandTimeout is that of commands without one of their own; 0 is none.
	CommandTimeout time.Duration `json:"commandTimeout,omitempty"`

	// Labels are labels of the container. Metadata is the caller's, shown by Info.
	// Names of labels that begin with "vz." are reserved.
	Labels   map[string]string `json:"labels,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Limits are those of all processes of a sandbox together; 0 is none, but for Pids.
type Limits struct {
	NanoCPUs int64 `json:"nanoCPUs,omitempty"` // 1e9 is one processor
	Memory   int64 `json:"memory,omitempty"`   // bytes
	// Pids bounds processes and threads; 0 is DefaultPids, -1 no bound.
	Pids int64 `json:"pids,omitempty"`
	// Disk bounds what is written to the root, in bytes, at least vzcontract.MinDisk.
	// Without AbilityDisk all but 0 is refused with ErrUnsupported.
	Disk int64 `json:"disk,omitempty"`
}

// A NetworkMode says what a sandbox can reach.
type NetworkMode string

// The network modes. The empty one means NetworkNone.
const (
	NetworkNone  NetworkMode = "none"  // nothing, it has only a loopback interface
	NetworkNAT   NetworkMode = "nat"   // what the host can, through address translation
	NetworkAllow NetworkMode = "allow" // what Network.Allow lists
)

// A Network says what a sandbox can reach.
type Network struct {
	Mode NetworkMode `json:"mode,omitempty"`
	// Allow lists names, addresses and ranges, for NetworkAllow; see
	// vzcontract.EgressPolicy.
	Allow []string `json:"allow,omitempty"`
}

// policy is what is allowed as the contract has it; nil is everything.
func (n Network) policy() *vzcontract.EgressPolicy {
	if n.Mode != NetworkAllow {
		return nil
	}
	return &vzcontract.EgressPolicy{Allow: n.Allow}
}

// Validate refuses, with ErrValidation, what is wrong in t whatever the backend.
// [Host.Create] calls it.
func (t *Template) Validate() error {
	switch {
	case (t.Image == "") == (t.Rootfs == ""):
		return invalid("sandbox template: give exactly one of an image and a root directory")
	case t.Workspace != "" && (!path.IsAbs(t.Workspace) || path.Clean(t.Workspace) == "/"):
		return invalid("sandbox template: the workspace %q is no absolute path below /", t.Workspace)
	case t.TTL < 0 || t.IdleTimeout < 0 || t.CommandTimeout < 0:
		return invalid("sandbox template: a time limit is negative")
	case t.Limits.NanoCPUs < 0 || t.Limits.Memory < 0 || t.Limits.Pids < -1 || t.Limits.Disk < 0:
		return invalid("sandbox template: a limit is negative")
	}
	switch t.Network.Mode {
	case "", NetworkNone, NetworkNAT, NetworkAllow:
	default:
		return invalid("sandbox template: unknown network mode %q: known are none, nat and allow", t.Network.Mode)
	}
	if allows := len(t.Network.Allow) > 0; allows != (t.Network.Mode == NetworkAllow) {
		return invalid("sandbox template: network mode allow and a list of what is allowed belong together")
	}
	if p := t.Network.policy(); p != nil {
		if _, err := p.Rules(); err != nil {
			return err
		}
	}
	for _, c := range t.Setup {
		if strings.TrimSpace(c) == "" {
			return invalid("sandbox template: a setup command is empty")
		}
	}
	return checkLabels(t.Labels)
}

func checkLabels(labels map[string]string) error {
	for name := range labels {
		if name == "" || strings.HasPrefix(name, "vz.") {
			return invalid("sandbox label %q: names must not be empty nor begin with \"vz.\"", name)
		}
	}
	return nil
}

// workspace is where the project is.
func (t *Template) workspace() string {
	if t.Workspace == "" {
		return DefaultWorkspace
	}
	return path.Clean(t.Workspace)
}

// resources are the limits as the contract has them.
func (l Limits) resources() vzcontract.Resources {
	r := vzcontract.Resources{NanoCPUs: l.NanoCPUs, Memory: l.Memory, PidsLimit: l.Pids, Disk: l.Disk}
	if r.PidsLimit == 0 {
		r.PidsLimit = DefaultPids
	}
	return r
}
