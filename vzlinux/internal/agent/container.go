package agent

import (
	"context"
	"encoding/json"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/image"
)

// Containers are what a guest runs containers with.
type Containers struct {
	Backend vzcontract.RuntimeBackend
	Images  *image.Store // nil if the backend has images of its own
	// Sync writes down what the backend keeps of containers. It is called before
	// their making and changing is told, so that the host, which counts on them,
	// may end the guest at any time; nil does nothing.
	Sync func() error
}

func (c *Containers) sync(err error) error {
	if err != nil || c.Sync == nil {
		return err
	}
	return c.Sync()
}

// feature makes a method of one that T, an interface of vzcontract, offers.
func feature[T, In, Out any](b vzcontract.RuntimeBackend, do func(ctx context.Context, b T, in In) (Out, error)) Method {
	able, ok := b.(T)
	if !ok {
		return func(context.Context, json.RawMessage) (any, error) {
			return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "the guest's backend %s does not do this", b.BackendName())
		}
	}
	return typed(func(ctx context.Context, in In) (Out, error) { return do(ctx, able, in) })
}

// act is feature for one without an answer.
func act[T, In any](b vzcontract.RuntimeBackend, do func(ctx context.Context, b T, in In) error) Method {
	return feature(b, func(ctx context.Context, b T, in In) (none, error) { return none{}, do(ctx, b, in) })
}

func (s *session) addContainers() {
	if s.agent.Containers == nil {
		return
	}
	b := s.agent.Containers.Backend
	if images := s.agent.Containers.Images; images != nil {
		s.methods[agentproto.MethodImageProvide] = plain(func(_ context.Context, in agentproto.ImageProvide) error { return images.Provide(in) })
	}
	s.methods[agentproto.MethodContainerCapabilities] = typed(func(context.Context, none) (vzcontract.Capabilities, error) {
		return b.Capabilities(), nil
	})
	s.methods[agentproto.MethodContainerCreate] = typed(func(ctx context.Context, in vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
		info, err := b.Create(ctx, in)
		return info, s.agent.Containers.sync(err)
	})
	s.methods[agentproto.MethodContainerInspect] = typed(func(ctx context.Context, in agentproto.Container) (vzcontract.ContainerInfo, error) {
		return b.Inspect(ctx, in.Container)
	})
	s.methods[agentproto.MethodContainerList] = typed(func(ctx context.Context, _ none) ([]vzcontract.ContainerInfo, error) { return b.List(ctx) })
	s.methods[agentproto.MethodContainerRemove] = plain(func(ctx context.Context, in agentproto.ContainerRemove) error {
		return b.Remove(ctx, in.Container.Container, in.Options)
	})
	s.methods[agentproto.MethodContainerStop] = plain(func(ctx context.Context, in agentproto.ContainerStop) error {
		return b.Stop(ctx, in.Container.Container, in.Options)
	})
	s.methods[agentproto.MethodContainerKill] = plain(func(ctx context.Context, in agentproto.ContainerSignal) error {
		return b.Kill(ctx, in.Container.Container, in.Signal)
	})
	s.methods[agentproto.MethodContainerWait] = typed(func(ctx context.Context, in agentproto.ContainerWait) (vzcontract.ExitStatus, error) {
		return b.Wait(ctx, in.Container.Container, in.Condition)
	})
	s.methods[agentproto.MethodContainerPause] = act(b, func(ctx context.Context, b vzcontract.Pauser, in agentproto.Container) error {
		return b.Pause(ctx, in.Container)
	})
	s.methods[agentproto.MethodContainerResume] = act(b, func(ctx context.Context, b vzcontract.Pauser, in agentproto.Container) error {
		return b.Resume(ctx, in.Container)
	})
	s.methods[agentproto.MethodContainerRename] = act(b, func(ctx context.Context, b vzcontract.Renamer, in agentproto.ContainerRename) error {
		return s.agent.Containers.sync(b.Rename(ctx, in.Container.Container, in.Name))
	})
	s.methods[agentproto.MethodContainerUpdate] = feature(b, func(ctx context.Context, b vzcontract.Updater, in agentproto.ContainerUpdate) (vzcontract.ContainerInfo, error) {
		info, err := b.Update(ctx, in.Container.Container, in.Change)
		return info, s.agent.Containers.sync(err)
	})
	s.methods[agentproto.MethodContainerStats] = feature(b, func(ctx context.Context, b vzcontract.Statser, in agentproto.Container) (vzcontract.Stats, error) {
		return b.Stats(ctx, in.Container)
	})
	s.methods[agentproto.MethodContainerTop] = feature(b, func(ctx context.Context, b vzcontract.Topper, in agentproto.Container) ([]vzcontract.Process, error) {
		return b.Top(ctx, in.Container)
	})
	s.methods[agentproto.MethodContainerDiff] = feature(b, func(ctx context.Context, b vzcontract.Differ, in agentproto.Container) ([]vzcontract.Change, error) {
		return b.Diff(ctx, in.Container)
	})
	s.methods[agentproto.MethodContainerWarm] = act(b, func(ctx context.Context, w warmer, in agentproto.ContainerWarm) error {
		return warm(ctx, b, w, in.NetworkMode)
	})
	s.addCheckpoints(b)
	s.addMounts(b)
	s.addAttachments(b)
	s.addContainerStreams(b)
	s.addContainerFiles(b)
	s.methods[agentproto.MethodContainerDial] = feature(b, func(ctx context.Context, b vzcontract.Dialer, in agentproto.ContainerDial) (agentproto.Transfer, error) {
		guest, err := b.DialPort(ctx, in.Container.Container, in.Port)
		if err != nil {
			return agentproto.Transfer{}, err
		}
		return s.carry(guest)
	})
	s.addVolumes(b)
	s.addNetworks(b)
}

func (s *session) addVolumes(b vzcontract.RuntimeBackend) {
	s.methods[agentproto.MethodVolumeCreate] = feature(b, func(ctx context.Context, b vzcontract.Volumes, in vzcontract.VolumeConfig) (vzcontract.VolumeInfo, error) {
		return b.CreateVolume(ctx, in)
	})
	s.methods[agentproto.MethodVolumeList] = feature(b, func(ctx context.Context, b vzcontract.Volumes, _ none) ([]vzcontract.VolumeInfo, error) {
		return b.ListVolumes(ctx)
	})
	s.methods[agentproto.MethodVolumeInspect] = feature(b, func(ctx context.Context, b vzcontract.Volumes, in agentproto.Named) (vzcontract.VolumeInfo, error) {
		return b.InspectVolume(ctx, in.Name)
	})
	s.methods[agentproto.MethodVolumeRemove] = act(b, func(ctx context.Context, b vzcontract.Volumes, in agentproto.Named) error {
		return b.RemoveVolume(ctx, in.Name, in.Force)
	})
	s.methods[agentproto.MethodVolumePrune] = feature(b, func(ctx context.Context, b vzcontract.Volumes, in agentproto.VolumePrune) (vzcontract.PruneReport, error) {
		return b.PruneVolumes(ctx, in.All)
	})
}

func (s *session) addNetworks(b vzcontract.RuntimeBackend) {
	s.methods[agentproto.MethodNetworkCreate] = feature(b, func(ctx context.Context, b vzcontract.Networks, in vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
		return b.CreateNetwork(ctx, in)
	})
	s.methods[agentproto.MethodNetworkList] = feature(b, func(ctx context.Context, b vzcontract.Networks, _ none) ([]vzcontract.NetworkInfo, error) {
		return b.ListNetworks(ctx)
	})
	s.methods[agentproto.MethodNetworkInspect] = feature(b, func(ctx context.Context, b vzcontract.Networks, in agentproto.Named) (vzcontract.NetworkInfo, error) {
		return b.InspectNetwork(ctx, in.Name)
	})
	s.methods[agentproto.MethodNetworkRemove] = act(b, func(ctx context.Context, b vzcontract.Networks, in agentproto.Named) error {
		return b.RemoveNetwork(ctx, in.Name)
	})
	s.methods[agentproto.MethodNetworkPrune] = feature(b, func(ctx context.Context, b vzcontract.Networks, _ none) (vzcontract.PruneReport, error) {
		return b.PruneNetworks(ctx)
	})
	s.methods[agentproto.MethodNetworkConnect] = act(b, func(ctx context.Context, b vzcontract.Networks, in agentproto.NetworkConnect) error {
		return b.ConnectNetwork(ctx, in.Container.Container, in.At)
	})
	s.methods[agentproto.MethodNetworkDisconnect] = act(b, func(ctx context.Context, b vzcontract.Networks, in agentproto.NetworkConnect) error {
		return b.DisconnectNetwork(ctx, in.Container.Container, in.At.Network)
	})
}
