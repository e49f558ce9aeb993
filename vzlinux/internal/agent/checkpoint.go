package agent

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// A forker is a backend that makes containers from checkpoints that are otherwise made
// anew: the host knows what they consist of.
type forker interface {
	ForkAs(ctx context.Context, container, checkpoint string, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error)
}

func (s *session) addCheckpoints(b vzcontract.RuntimeBackend) {
	sync := s.agent.Containers.sync
	s.methods[agentproto.MethodContainerCheckpoint] = act(b, func(ctx context.Context, b vzcontract.Checkpointer, in agentproto.ContainerCheckpoint) error {
		return sync(b.Checkpoint(ctx, in.Container.Container, in.Name, in.Class))
	})
	s.methods[agentproto.MethodContainerRestore] = act(b, func(ctx context.Context, b vzcontract.Checkpointer, in agentproto.ContainerCheckpoint) error {
		return sync(b.Restore(ctx, in.Container.Container, in.Name))
	})
	s.methods[agentproto.MethodContainerFork] = feature(b, func(ctx context.Context, b vzcontract.Checkpointer, in agentproto.ContainerFork) (info vzcontract.ContainerInfo, err error) {
		if in.Config == nil {
			info, err = b.Fork(ctx, in.Container.Container, in.Name, in.NewName)
			return info, sync(err)
		}
		f, ok := b.(forker)
		if !ok {
			return info, vzcontract.Errorf(vzcontract.ErrUnsupported, "the guest's backend does not fork containers into others")
		}
		info, err = f.ForkAs(ctx, in.Container.Container, in.Name, *in.Config)
		return info, sync(err)
	})
}
