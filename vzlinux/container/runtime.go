package container

import (
	"context"
	"maps"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// A Runtime is the containers of one guest. Methods are safe for concurrent use.
type Runtime struct {
	vzcontract.NoSharedVM
	agent *vzlinux.Agent
	opts  Options
}

// Options of New.
type Options struct {
	// Name is what BackendName returns; empty is "vm".
	Name string
	// Images gets the layers of commits; nil leaves commits out.
	Images vzcontract.LayerCommitter
	// Capabilities are the guest's, as [Ask] tells.
	Capabilities vzcontract.Capabilities
}

var (
	_ vzcontract.RuntimeBackend = (*Runtime)(nil)
	_ vzcontract.Pauser         = (*Runtime)(nil)
	_ vzcontract.Renamer        = (*Runtime)(nil)
	_ vzcontract.Updater        = (*Runtime)(nil)
	_ vzcontract.Topper         = (*Runtime)(nil)
	_ vzcontract.Statser        = (*Runtime)(nil)
	_ vzcontract.EventSource    = (*Runtime)(nil)
	_ vzcontract.Copier         = (*Runtime)(nil)
	_ vzcontract.FileManager    = (*Runtime)(nil)
	_ vzcontract.Differ         = (*Runtime)(nil)
	_ vzcontract.Committer      = (*Runtime)(nil)
	_ vzcontract.Volumes        = (*Runtime)(nil)
	_ vzcontract.Networks       = (*Runtime)(nil)
	_ vzcontract.Checkpointer   = (*Runtime)(nil)
	_ vzcontract.Mounter        = (*Runtime)(nil)
	_ vzcontract.Dialer         = (*Runtime)(nil)
	_ vzcontract.FileWatcher    = (*Runtime)(nil)
)

// Name is that of backends whose containers are in virtual machines.
const Name = "vm"

// New returns the containers of agent's guest. The agent stays the caller's.
func New(agent *vzlinux.Agent, opts Options) *Runtime {
	if opts.Name == "" {
		opts.Name = Name
	}
	missing := maps.Clone(opts.Capabilities.Missing)
	if missing == nil {
		missing = map[vzcontract.Feature]string{}
	}
	missing[vzcontract.FeatureImages] = "images are the host's"
	if opts.Images == nil {
		missing[vzcontract.FeatureCommit] = noCommit
	}
	opts.Capabilities.Missing = missing
	return &Runtime{agent: agent, opts: opts}
}

const noCommit = "the image store takes no new layers"

// Ask returns what the guest's own backend lacks. A guest that runs no containers
// is vzcontract.ErrUnsupported.
func Ask(ctx context.Context, agent *vzlinux.Agent) (vzcontract.Capabilities, error) {
	var c vzcontract.Capabilities
	return c, agent.Call(ctx, agentproto.MethodContainerCapabilities, none{}, &c)
}

type none struct{}

// call sends a request whose answer is a T.
func call[T any](ctx context.Context, r *Runtime, method string, in any) (T, error) {
	var out T
	return out, r.agent.Call(ctx, method, in, &out)
}

func named(container string) agentproto.Container { return agentproto.Container{Container: container} }

// BackendName implements vzcontract.Identity.
func (r *Runtime) BackendName() string { return r.opts.Name }

// Isolation implements vzcontract.Identity.
func (r *Runtime) Isolation() vzcontract.Isolation { return vzcontract.IsolationFull }

// Capabilities implements vzcontract.Identity.
func (r *Runtime) Capabilities() vzcontract.Capabilities { return r.opts.Capabilities }

// Close implements vzcontract.RuntimeBackend.
func (r *Runtime) Close() error { return nil }

// Provide tells the guest which of its directories an image consists of.
func (r *Runtime) Provide(ctx context.Context, ref string, root vzcontract.RootFS) error {
	return r.agent.Call(ctx, agentproto.MethodImageProvide, agentproto.ImageProvide{Ref: ref, RootFS: root}, nil)
}

// ours gives what the guest tells the name of this backend.
func (r *Runtime) ours(info vzcontract.ContainerInfo, err error) (vzcontract.ContainerInfo, error) {
	if err == nil {
		info.Backend = r.opts.Name
	}
	return info, err
}

// Create implements vzcontract.Containers.
func (r *Runtime) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	return r.ours(call[vzcontract.ContainerInfo](ctx, r, agentproto.MethodContainerCreate, cfg))
}

// Inspect implements vzcontract.Containers.
func (r *Runtime) Inspect(ctx context.Context, container string) (vzcontract.ContainerInfo, error) {
	return r.ours(call[vzcontract.ContainerInfo](ctx, r, agentproto.MethodContainerInspect, named(container)))
}

// List implements vzcontract.Containers.
func (r *Runtime) List(ctx context.Context) ([]vzcontract.ContainerInfo, error) {
	list, err := call[[]vzcontract.ContainerInfo](ctx, r, agentproto.MethodContainerList, none{})
	for i := range list {
		list[i].Backend = r.opts.Name
	}
	return list, err
}

// Remove implements vzcontract.Containers.
func (r *Runtime) Remove(ctx context.Context, container string, opts vzcontract.RemoveOptions) error {
	return r.agent.Call(ctx, agentproto.MethodContainerRemove, agentproto.ContainerRemove{Container: named(container), Options: opts}, nil)
}

// Stop implements vzcontract.Lifecycle.
func (r *Runtime) Stop(ctx context.Context, container string, opts vzcontract.StopOptions) error {
	return r.agent.Call(ctx, agentproto.MethodContainerStop, agentproto.ContainerStop{Container: named(container), Options: opts}, nil)
}

// Kill implements vzcontract.Lifecycle.
func (r *Runtime) Kill(ctx context.Context, container, signal string) error {
	return r.agent.Call(ctx, agentproto.MethodContainerKill, agentproto.ContainerSignal{Container: named(container), Signal: signal}, nil)
}

// Wait implements vzcontract.Lifecycle.
func (r *Runtime) Wait(ctx context.Context, container string, cond vzcontract.WaitCondition) (vzcontract.ExitStatus, error) {
	return call[vzcontract.ExitStatus](ctx, r, agentproto.MethodContainerWait, agentproto.ContainerWait{Container: named(container), Condition: cond})
}

// Pause implements vzcontract.Pauser.
func (r *Runtime) Pause(ctx context.Context, container string) error {
	return r.agent.Call(ctx, agentproto.MethodContainerPause, named(container), nil)
}

// Resume implements vzcontract.Pauser.
func (r *Runtime) Resume(ctx context.Context, container string) error {
	return r.agent.Call(ctx, agentproto.MethodContainerResume, named(container), nil)
}

// Rename implements vzcontract.Renamer.
func (r *Runtime) Rename(ctx context.Context, container, name string) error {
	return r.agent.Call(ctx, agentproto.MethodContainerRename, agentproto.ContainerRename{Container: named(container), Name: name}, nil)
}

// Update implements vzcontract.Updater.
func (r *Runtime) Update(ctx context.Context, container string, change vzcontract.UpdateConfig) (vzcontract.ContainerInfo, error) {
	req := agentproto.ContainerUpdate{Container: named(container), Change: change}
	return r.ours(call[vzcontract.ContainerInfo](ctx, r, agentproto.MethodContainerUpdate, req))
}

// AddMount implements vzcontract.Mounter. The source is the guest's.
func (r *Runtime) AddMount(ctx context.Context, container string, m vzcontract.Mount) error {
	return r.agent.Call(ctx, agentproto.MethodContainerMount, agentproto.ContainerMount{Container: named(container), Mount: m}, nil)
}

// RemoveMount implements vzcontract.Mounter.
func (r *Runtime) RemoveMount(ctx context.Context, container, target string) error {
	req := agentproto.ContainerMount{Container: named(container), Mount: vzcontract.Mount{Target: target}}
	return r.agent.Call(ctx, agentproto.MethodContainerUnmount, req, nil)
}

// Stats implements vzcontract.Statser.
func (r *Runtime) Stats(ctx context.Context, container string) (vzcontract.Stats, error) {
	return call[vzcontract.Stats](ctx, r, agentproto.MethodContainerStats, named(container))
}

// Top implements vzcontract.Topper. The processes are the guest's.
func (r *Runtime) Top(ctx context.Context, container string) ([]vzcontract.Process, error) {
	return call[[]vzcontract.Process](ctx, r, agentproto.MethodContainerTop, named(container))
}

// Diff implements vzcontract.Differ.
func (r *Runtime) Diff(ctx context.Context, container string) ([]vzcontract.Change, error) {
	return call[[]vzcontract.Change](ctx, r, agentproto.MethodContainerDiff, named(container))
}
