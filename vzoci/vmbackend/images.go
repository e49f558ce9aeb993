package vmbackend

import (
	"context"

	"vz.internal/vzcontract"
)

func (b *Backend) images(ctx context.Context) (vzcontract.Images, error) {
	im, ok := b.opts.Images.(vzcontract.Images)
	if !ok {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, noImages)
	}
	return im, b.endLeases(ctx)
}

// PullImage implements vzcontract.Images.
func (b *Backend) PullImage(ctx context.Context, ref string, opts vzcontract.PullOptions) (vzcontract.ImageInfo, error) {
	im, err := b.images(ctx)
	if err != nil {
		return vzcontract.ImageInfo{}, err
	}
	return im.PullImage(ctx, ref, opts)
}

// ListImages implements vzcontract.Images.
func (b *Backend) ListImages(ctx context.Context) ([]vzcontract.ImageInfo, error) {
	im, err := b.images(ctx)
	if err != nil {
		return nil, err
	}
	return im.ListImages(ctx)
}

// InspectImage implements vzcontract.Images.
func (b *Backend) InspectImage(ctx context.Context, ref string) (vzcontract.ImageInfo, error) {
	im, err := b.images(ctx)
	if err != nil {
		return vzcontract.ImageInfo{}, err
	}
	return im.InspectImage(ctx, ref)
}

// RemoveImage implements vzcontract.Images.
func (b *Backend) RemoveImage(ctx context.Context, ref string, opts vzcontract.RemoveImageOptions) ([]vzcontract.RemovedImage, error) {
	im, err := b.images(ctx)
	if err != nil {
		return nil, err
	}
	return im.RemoveImage(ctx, ref, opts)
}

// PruneImages implements vzcontract.Images.
func (b *Backend) PruneImages(ctx context.Context, opts vzcontract.PruneImagesOptions) (vzcontract.PruneReport, error) {
	im, err := b.images(ctx)
	if err != nil {
		return vzcontract.PruneReport{}, err
	}
	return im.PruneImages(ctx, opts)
}
