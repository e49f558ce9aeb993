package agent

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/file"
	"vz.internal/vzlinux/internal/agent/network"
	"vz.internal/vzlinux/internal/agent/system"
)

func (s *session) addSystem() {
	s.methods[agentproto.MethodInfo] = typed(func(context.Context, none) (agentproto.SystemInfo, error) {
		return system.Info(s.agent.Version)
	})
	s.methods[agentproto.MethodStats] = typed(func(context.Context, none) (agentproto.Stats, error) { return system.Stats() })
	s.methods[agentproto.MethodClock] = plain(func(_ context.Context, in agentproto.ClockRequest) error { return system.SetClock(in.Now) })
	s.methods[agentproto.MethodFreeze] = plain(func(context.Context, none) error { return system.Freeze() })
	s.methods[agentproto.MethodThaw] = plain(func(_ context.Context, in agentproto.ThawRequest) error { return system.Thaw(in) })
	s.methods[agentproto.MethodShutdown] = plain(func(_ context.Context, in agentproto.ShutdownRequest) error {
		if s.agent.Shutdown == nil {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "the agent did not start this guest and does not end it")
		}
		return s.agent.Shutdown(in.Reboot)
	})
	s.methods[agentproto.MethodMount] = plain(func(ctx context.Context, in agentproto.MountRequest) error {
		if err := file.Check(in.Path); err != nil {
			return err
		}
		return file.Classify(system.Mount(ctx, in))
	})
	s.methods[agentproto.MethodUnmount] = plain(func(_ context.Context, in agentproto.FileRequest) error {
		if err := file.Check(in.Path); err != nil {
			return err
		}
		return system.Unmount(in.Path)
	})
	s.methods[agentproto.MethodHold] = plain(func(_ context.Context, in agentproto.FileRequest) error {
		if err := file.Check(in.Path); err != nil {
			return err
		}
		return file.Classify(system.Hold(in.Path))
	})
	s.methods[agentproto.MethodRelease] = plain(func(_ context.Context, in agentproto.FileRequest) error {
		if err := file.Check(in.Path); err != nil {
			return err
		}
		return file.Classify(system.Release(in.Path))
	})
	s.methods[agentproto.MethodEject] = plain(func(_ context.Context, in agentproto.EjectRequest) error { return system.Eject(in.Slot) })
	s.methods[agentproto.MethodNetworkUp] = plain(network.Up)
	s.methods[agentproto.MethodNetworkDown] = plain(func(_ context.Context, in agentproto.NetworkRequest) error { return network.Down(in) })
	if cards := s.agent.Cards; cards != nil {
		s.methods[agentproto.MethodNetworkFiles] = plain(func(_ context.Context, in agentproto.NetworkFiles) error { return cards.NetworkFiles(in) })
		s.methods[agentproto.MethodNetworkCards] = plain(cards.NetworkCards)
	}
}
