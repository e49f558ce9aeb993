package vmbackend

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Remove implements vzcontract.Containers. The machine and its disk go; anonymous
// volumes lie on the disk, so they go in any case.
func (b *Backend) Remove(ctx context.Context, ref string, opts vzcontract.RemoveOptions) error {
	m, err := b.find(ctx, "remove", ref)
	if err != nil {
		return err
	}
	info, err := b.present(ctx, m)
	if err != nil {
		return failure("remove", ref, err)
	}
	if !opts.Force && (info.State == vzcontract.StateRunning || info.State == vzcontract.StatePaused) {
		return failure("remove", ref, vzcontract.Errorf(vzcontract.ErrConflict, "it is %s: stop it first, or use force", info.State))
	}
	return failure("remove", ref, b.discard(ctx, m.record.ID))
}

// discard ends a machine and removes all of it.
func (b *Backend) discard(ctx context.Context, id guest.ID) error {
	if err := b.end(ctx, id); err != nil {
		return err
	}
	lock, err := b.store.Lock(ctx, id)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return b.endLeases(ctx)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return errors.Join(b.store.Remove(id), b.endLeases(ctx))
}

// endLeases releases the images of machines that are no more.
func (b *Backend) endLeases(ctx context.Context) error {
	if b.opts.Images == nil {
		return nil
	}
	return b.store.Gone(func(id guest.ID) error { return b.opts.Images.ReleaseRootFS(ctx, string(id)) })
}
