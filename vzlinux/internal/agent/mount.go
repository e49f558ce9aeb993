package agent

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

func (s *session) addMounts(b vzcontract.RuntimeBackend) {
	sync := s.agent.Containers.sync
	s.methods[agentproto.MethodContainerMount] = act(b, func(ctx context.Context, b vzcontract.Mounter, in agentproto.ContainerMount) error {
		return sync(b.AddMount(ctx, in.Container.Container, in.Mount))
	})
	s.methods[agentproto.MethodContainerUnmount] = act(b, func(ctx context.Context, b vzcontract.Mounter, in agentproto.ContainerMount) error {
		return sync(b.RemoveMount(ctx, in.Container.Container, in.Mount.Target))
	})
}
