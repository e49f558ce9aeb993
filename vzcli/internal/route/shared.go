package route

import (
	"context"
	"errors"
	"maps"

	"vz.internal/vzcontract"
)

var (
	_ vzcontract.Images   = (*Backend)(nil)
	_ vzcontract.Networks = (*Backend)(nil)
	_ vzcontract.Volumes  = (*Backend)(nil)
	_ vzcontract.SharedVM = (*Backend)(nil)
)

// shared does something that is no container's, with the first side that can.
func shared[T any](b *Backend, what vzcontract.Feature, do func(T) error) error {
	for _, side := range b.sides() {
		if able, ok := side.(T); ok && side.Capabilities().Has(what) {
			return do(able)
		}
	}
	able, err := as[T](b.first, string(what))
	if err != nil {
		return err
	}
	return do(able) // which says why not
}

// images is the store of the first side that has one.
func (b *Backend) images(context.Context) (store vzcontract.Images, err error) {
	err = shared(b, vzcontract.FeatureImages, func(s vzcontract.Images) error {
		store = s
		return nil
	})
	return store, err
}

// CreateNetwork implements vzcontract.Networks.
func (b *Backend) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (info vzcontract.NetworkInfo, err error) {
	err = networks(b, func(s vzcontract.Networks) error {
		info, err = s.CreateNetwork(ctx, cfg)
		return err
	})
	return info, err
}

// ListNetworks implements vzcontract.Networks.
func (b *Backend) ListNetworks(ctx context.Context) (all []vzcontract.NetworkInfo, err error) {
	err = networks(b, func(s vzcontract.Networks) error {
		all, err = s.ListNetworks(ctx)
		return err
	})
	return all, err
}

// InspectNetwork implements vzcontract.Networks.
func (b *Backend) InspectNetwork(ctx context.Context, network string) (info vzcontract.NetworkInfo, err error) {
	err = networks(b, func(s vzcontract.Networks) error {
		info, err = s.InspectNetwork(ctx, network)
		return err
	})
	return info, err
}

// RemoveNetwork implements vzcontract.Networks.
func (b *Backend) RemoveNetwork(ctx context.Context, network string) error {
	return networks(b, func(s vzcontract.Networks) error { return s.RemoveNetwork(ctx, network) })
}

// PruneNetworks implements vzcontract.Networks.
func (b *Backend) PruneNetworks(ctx context.Context) (report vzcontract.PruneReport, err error) {
	err = networks(b, func(s vzcontract.Networks) error {
		report, err = s.PruneNetworks(ctx)
		return err
	})
	return report, err
}

// ConnectNetwork implements vzcontract.Networks.
func (b *Backend) ConnectNetwork(ctx context.Context, ref string, at vzcontract.NetworkAttach) error {
	return on(ctx, b, "connect", ref, func(s vzcontract.Networks) error { return s.ConnectNetwork(ctx, ref, at) })
}

// DisconnectNetwork implements vzcontract.Networks.
func (b *Backend) DisconnectNetwork(ctx context.Context, ref, network string) error {
	return on(ctx, b, "disconnect", ref, func(s vzcontract.Networks) error { return s.DisconnectNetwork(ctx, ref, network) })
}

// CreateVolume implements vzcontract.Volumes.
func (b *Backend) CreateVolume(ctx context.Context, cfg vzcontract.VolumeConfig) (info vzcontract.VolumeInfo, err error) {
	err = shared(b, vzcontract.FeatureVolumes, func(s vzcontract.Volumes) error {
		info, err = s.CreateVolume(ctx, cfg)
		return err
	})
	return info, err
}

// ListVolumes implements vzcontract.Volumes.
func (b *Backend) ListVolumes(ctx context.Context) (all []vzcontract.VolumeInfo, err error) {
	err = shared(b, vzcontract.FeatureVolumes, func(s vzcontract.Volumes) error {
		all, err = s.ListVolumes(ctx)
		return err
	})
	return all, err
}

// InspectVolume implements vzcontract.Volumes.
func (b *Backend) InspectVolume(ctx context.Context, name string) (info vzcontract.VolumeInfo, err error) {
	err = shared(b, vzcontract.FeatureVolumes, func(s vzcontract.Volumes) error {
		info, err = s.InspectVolume(ctx, name)
		return err
	})
	return info, err
}

// RemoveVolume implements vzcontract.Volumes.
func (b *Backend) RemoveVolume(ctx context.Context, name string, force bool) error {
	return shared(b, vzcontract.FeatureVolumes, func(s vzcontract.Volumes) error { return s.RemoveVolume(ctx, name, force) })
}

// PruneVolumes implements vzcontract.Volumes.
func (b *Backend) PruneVolumes(ctx context.Context, all bool) (report vzcontract.PruneReport, err error) {
	err = shared(b, vzcontract.FeatureVolumes, func(s vzcontract.Volumes) error {
		report, err = s.PruneVolumes(ctx, all)
		return err
	})
	return report, err
}

// machines is the side that has virtual machines; without any it is the first.
func (b *Backend) machines() Side {
	if b.second.Isolation() == vzcontract.IsolationFull {
		return b.second
	}
	return b.first
}

// networks does something with the host's networks. The side with machines knows those
// of shared ones too.
func networks(b *Backend, do func(vzcontract.Networks) error) error {
	if able, ok := b.machines().(vzcontract.Networks); ok && b.machines().Capabilities().Has(vzcontract.FeatureNetworks) {
		return do(able)
	}
	return shared(b, vzcontract.FeatureNetworks, do)
}

// BootSharedVM implements vzcontract.SharedVM.
func (b *Backend) BootSharedVM(ctx context.Context, name string, limits vzcontract.Resources) error {
	s, err := as[vzcontract.SharedVM](b.machines(), "shared machines")
	if err != nil {
		return err
	}
	return s.BootSharedVM(ctx, name, limits)
}

// SharedVMPhase implements vzcontract.SharedVM.
func (b *Backend) SharedVMPhase(ctx context.Context, name string) (vzcontract.SharedVMPhase, error) {
	s, err := as[vzcontract.SharedVM](b.machines(), "shared machines")
	if err != nil {
		return "", err
	}
	return s.SharedVMPhase(ctx, name)
}

// ShutdownSharedVM implements vzcontract.SharedVM.
func (b *Backend) ShutdownSharedVM(ctx context.Context, name string) error {
	s, err := as[vzcontract.SharedVM](b.machines(), "shared machines")
	if err != nil {
		return err
	}
	return s.ShutdownSharedVM(ctx, name)
}

// Warm prepares the first side for a container that is about to be made.
func (b *Backend) Warm() {
	if w, ok := b.first.(interface{ Warm() }); ok {
		w.Warm()
	}
}

// NetworkObstacles is that of the side that knows the host's networks.
func (b *Backend) NetworkObstacles(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for _, side := range b.sides() {
		if r, ok := side.(interface {
			NetworkObstacles(ctx context.Context) (map[string]string, error)
		}); ok {
			more, err := r.NetworkObstacles(ctx)
			if err != nil {
				return nil, err
			}
			maps.Copy(all, more)
		}
	}
	return all, nil
}

// HostSettings are those of the side that changes any.
func (b *Backend) HostSettings() (all []string, err error) {
	for _, side := range b.sides() {
		if r, ok := side.(interface{ HostSettings() ([]string, error) }); ok {
			more, sideErr := r.HostSettings()
			all, err = append(all, more...), errors.Join(err, sideErr)
		}
	}
	return all, err
}

// Verify returns what is damaged in both.
func (b *Backend) Verify(ctx context.Context) (all []string, err error) {
	for _, side := range b.sides() {
		if v, ok := side.(interface {
			Verify(ctx context.Context) ([]string, error)
		}); ok {
			more, sideErr := v.Verify(ctx)
			all, err = append(all, more...), errors.Join(err, sideErr)
		}
	}
	return all, err
}

// Repair puts right what is damaged in both.
func (b *Backend) Repair(ctx context.Context) (all []string, err error) {
	for _, side := range b.sides() {
		if r, ok := side.(interface {
			Repair(ctx context.Context) ([]string, error)
		}); ok {
			more, sideErr := r.Repair(ctx)
			all, err = append(all, more...), errors.Join(err, sideErr)
		}
	}
	return all, err
}
