package vzlinuxnative

import (
	"context"

	"vz.internal/vzcontract"
)

const noImages = "the backend was opened without an image store"

// images returns the image store, with the leases ended of containers that
// their monitors have removed.
func (b *Backend) images(ctx context.Context) (vzcontract.Images, error) {
	im, ok := b.opts.Images.(vzcontract.Images)
	if !ok {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, noImages)
	}
	return im, b.endLeases(ctx)
}

// endLeases ends the leases of containers that their monitors have removed.
func (b *Backend) endLeases(ctx context.Context) error {
	if b.opts.Images == nil {
		return nil
	}
	return b.store.EndLeases(func(owner string) error { return b.opts.Images.ReleaseRootFS(ctx, owner) })
}
