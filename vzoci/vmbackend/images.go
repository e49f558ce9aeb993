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
