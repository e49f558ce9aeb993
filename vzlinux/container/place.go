package container

import (
	"context"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// CreateVolume implements vzcontract.Volumes. Volumes are the guest's own.
func (r *Runtime) CreateVolume(ctx context.Context, cfg vzcontract.VolumeConfig) (vzcontract.VolumeInfo, error) {
	return call[vzcontract.VolumeInfo](ctx, r, agentproto.MethodVolumeCreate, cfg)
}

// ListVolumes implements vzcontract.Volumes.
func (r *Runtime) ListVolumes(ctx context.Context) ([]vzcontract.VolumeInfo, error) {
	return call[[]vzcontract.VolumeInfo](ctx, r, agentproto.MethodVolumeList, none{})
}

// InspectVolume implements vzcontract.Volumes.
func (r *Runtime) InspectVolume(ctx context.Context, name string) (vzcontract.VolumeInfo, error) {
	return call[vzcontract.VolumeInfo](ctx, r, agentproto.MethodVolumeInspect, agentproto.Named{Name: name})
}

// RemoveVolume implements vzcontract.Volumes.
func (r *Runtime) RemoveVolume(ctx context.Context, name string, force bool) error {
	return r.agent.Call(ctx, agentproto.MethodVolumeRemove, agentproto.Named{Name: name, Force: force}, nil)
}

// PruneVolumes implements vzcontract.Volumes.
func (r *Runtime) PruneVolumes(ctx context.Context, all bool) (vzcontract.PruneReport, error) {
	return call[vzcontract.PruneReport](ctx, r, agentproto.MethodVolumePrune, agentproto.VolumePrune{All: all})
}

// CreateNetwork implements vzcontract.Networks. Networks are the guest's own.
func (r *Runtime) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
	return call[vzcontract.NetworkInfo](ctx, r, agentproto.MethodNetworkCreate, cfg)
}

// ListNetworks implements vzcontract.Networks.
func (r *Runtime) ListNetworks(ctx context.Context) ([]vzcontract.NetworkInfo, error) {
	return call[[]vzcontract.NetworkInfo](ctx, r, agentproto.MethodNetworkList, none{})
}

// InspectNetwork implements vzcontract.Networks.
func (r *Runtime) InspectNetwork(ctx context.Context, network string) (vzcontract.NetworkInfo, error) {
	return call[vzcontract.NetworkInfo](ctx, r, agentproto.MethodNetworkInspect, agentproto.Named{Name: network})
}

// RemoveNetwork implements vzcontract.Networks.
func (r *Runtime) RemoveNetwork(ctx context.Context, network string) error {
	return r.agent.Call(ctx, agentproto.MethodNetworkRemove, agentproto.Named{Name: network}, nil)
}

// PruneNetworks implements vzcontract.Networks.
func (r *Runtime) PruneNetworks(ctx context.Context) (vzcontract.PruneReport, error) {
	return call[vzcontract.PruneReport](ctx, r, agentproto.MethodNetworkPrune, none{})
}

// ConnectNetwork implements vzcontract.Networks.
func (r *Runtime) ConnectNetwork(ctx context.Context, container string, at vzcontract.NetworkAttach) error {
	return r.agent.Call(ctx, agentproto.MethodNetworkConnect, agentproto.NetworkConnect{Container: named(container), At: at}, nil)
}

// DisconnectNetwork implements vzcontract.Networks.
func (r *Runtime) DisconnectNetwork(ctx context.Context, container, network string) error {
	req := agentproto.NetworkConnect{Container: named(container), At: vzcontract.NetworkAttach{Network: network}}
	return r.agent.Call(ctx, agentproto.MethodNetworkDisconnect, req, nil)
}
