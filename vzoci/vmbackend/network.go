package vmbackend

import (
	"context"

	"vz.internal/vzcontract"
)

var _ vzcontract.Networks = (*Backend)(nil)

// CreateNetwork implements vzcontract.Networks: in the shared machine that cfg names.
func (b *Backend) CreateNetwork(ctx context.Context, cfg vzcontract.NetworkConfig) (vzcontract.NetworkInfo, error) {
	if cfg.SharedVM == "" {
		return vzcontract.NetworkInfo{}, networkFailure("create", cfg.Name, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s", noNetworks))
	}
	return sharedNetworks{b}.CreateNetwork(ctx, cfg)
}

// ListNetworks implements vzcontract.Networks.
func (b *Backend) ListNetworks(ctx context.Context) ([]vzcontract.NetworkInfo, error) {
	return sharedNetworks{b}.ListNetworks(ctx)
}

// InspectNetwork implements vzcontract.Networks.
func (b *Backend) InspectNetwork(ctx context.Context, network string) (vzcontract.NetworkInfo, error) {
	return sharedNetworks{b}.InspectNetwork(ctx, network)
}

// RemoveNetwork implements vzcontract.Networks.
func (b *Backend) RemoveNetwork(ctx context.Context, network string) error {
	return sharedNetworks{b}.RemoveNetwork(ctx, network)
}

// PruneNetworks implements vzcontract.Networks.
func (b *Backend) PruneNetworks(ctx context.Context) (vzcontract.PruneReport, error) {
	return sharedNetworks{b}.PruneNetworks(ctx)
}

// ConnectNetwork implements vzcontract.Networks.
func (b *Backend) ConnectNetwork(ctx context.Context, ref string, at vzcontract.NetworkAttach) error {
	if err := b.lodged(ctx, "connect", ref); err != nil {
		return err
	}
	return sharedNetworks{b}.ConnectNetwork(ctx, ref, at)
}

// DisconnectNetwork implements vzcontract.Networks.
func (b *Backend) DisconnectNetwork(ctx context.Context, ref, network string) error {
	if err := b.lodged(ctx, "disconnect", ref); err != nil {
		return err
	}
	return sharedNetworks{b}.DisconnectNetwork(ctx, ref, network)
}

// lodged refuses a container that has a machine of its own.
func (b *Backend) lodged(ctx context.Context, op, ref string) error {
	m, err := b.find(ctx, op, ref)
	if err == nil && m.record.In == "" {
		err = failure(op, ref, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s", noNetworks))
	}
	return err
}
