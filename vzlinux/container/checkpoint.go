package container

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

func checkpoint(container, name string) agentproto.ContainerCheckpoint {
	return agentproto.ContainerCheckpoint{Container: named(container), Name: name}
}

// Checkpoint implements vzcontract.Checkpointer. The guest keeps it beside the container;
// when this returns it is on the guest's disk.
func (r *Runtime) Checkpoint(ctx context.Context, container, name string, class vzcontract.CheckpointClass) error {
	req := checkpoint(container, name)
	req.Class = class
	return r.agent.Call(ctx, agentproto.MethodContainerCheckpoint, req, nil)
}

// Restore implements vzcontract.Checkpointer.
func (r *Runtime) Restore(ctx context.Context, container, name string) error {
	return r.agent.Call(ctx, agentproto.MethodContainerRestore, checkpoint(container, name), nil)
}

// Fork implements vzcontract.Checkpointer. The new container is in the same guest.
func (r *Runtime) Fork(ctx context.Context, container, name, newName string) (vzcontract.ContainerInfo, error) {
	req := agentproto.ContainerFork{ContainerCheckpoint: checkpoint(container, name), NewName: newName}
	return r.ours(call[vzcontract.ContainerInfo](ctx, r, agentproto.MethodContainerFork, req))
}

// ForkAs is Fork into a container that is made as cfg says.
func (r *Runtime) ForkAs(ctx context.Context, container, name string, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	req := agentproto.ContainerFork{ContainerCheckpoint: checkpoint(container, name), Config: &cfg}
	return r.ours(call[vzcontract.ContainerInfo](ctx, r, agentproto.MethodContainerFork, req))
}
