package vmbackend

import "context"

// Ended returns when the shared machine of that name does not run any more.
func (b *Backend) Ended(ctx context.Context, name string) error {
	r, err := b.store.Shared(name)
	if err != nil {
		return err
	}
	lock, err := b.store.Lock(ctx, r.ID)
	if err != nil {
		return err
	}
	return lock.Close()
}
