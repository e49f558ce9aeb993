package vmbackend

import (
	"context"
	"errors"
	"strconv"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Remove implements vzcontract.Containers. The machine and its disk go.
func (b *Backend) Remove(ctx context.Context, ref string, opts vzcontract.RemoveOptions) error {
	m, err := b.find(ctx, "remove", ref)
	if err != nil {
		return err
	}
	info, err := b.present(ctx, m)
	switch {
	case err == nil:
	case opts.Force && m.record.In != "" && !errors.Is(err, vzcontract.ErrNotFound):
		info = m.info() // whatever its machine says
	default:
		return failure("remove", ref, err)
	}
	if !opts.Force && (info.State == vzcontract.StateRunning || info.State == vzcontract.StatePaused) {
		return failure("remove", ref, vzcontract.Errorf(vzcontract.ErrConflict, "it is %s: stop it first, or use force", info.State))
	}
	// A guest that runs removes its container first: who waits for that or reads
	// its log learns how it ended.
	told := false
	if c, release, err := b.reach(ctx, m.record.Machine()); err == nil {
		defer release()
		err = c.Remove(ctx, info.ID, vzcontract.RemoveOptions{Force: opts.Force})
		if errors.Is(err, vzcontract.ErrConflict) {
			return failure("remove", ref, err)
		}
		// Who asks from now on is told that it has gone, and so are those who
		// follow events; a machine that does not answer is ended below.
		told = err == nil && c.gone(ctx, m.record.ID) == nil
	}
	if !told {
		b.destroyed(info)
	}
	err = b.discard(ctx, m.record)
	if m.record.Cards && !told { // by a machine that was killed, perhaps
		err = errors.Join(err, b.opts.release(ctx, info.ID))
	}
	if opts.Volumes {
		err = errors.Join(err, b.removeAnonymous(ctx, m.record.AnonymousVolumes()))
	}
	return failure("remove", ref, err)
}

// gone waits until a container's destroy event was noted. One of a shared machine has
// no record any more then.
func (c *connection) gone(ctx context.Context, id guest.ID) error {
	err := c.control.Call(ctx, guest.MethodGone, guest.Of{Record: id}, nil)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	return err
}

// discard ends a machine and removes all of it, or a container of a shared one.
func (b *Backend) discard(ctx context.Context, r guest.Record) error {
	if r.In != "" {
		return b.evict(ctx, r)
	}
	id := r.ID
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

// sweep removes what is left of a container whose making was interrupted. One that is
// being made, or has been, is vzcontract.ErrConflict.
func (b *Backend) sweep(ctx context.Context, r guest.Record) error {
	making, err := b.store.TryMaking(r.ID)
	if err != nil {
		return err
	}
	defer making.Close()
	machine, err := b.store.TryLock(r.ID)
	if err != nil {
		return err
	}
	defer machine.Close()
	state, err := b.store.State(r.ID)
	if err == nil && state.Info.ID != "" {
		err = vzcontract.Errorf(vzcontract.ErrConflict, "it was made meanwhile")
	}
	if err != nil {
		return err
	}
	return errors.Join(b.removeAnonymous(ctx, r.AnonymousVolumes()), b.store.Remove(r.ID))
}

// endLeases releases the images of machines that are no more.
func (b *Backend) endLeases(ctx context.Context) error {
	if b.opts.Images == nil {
		return nil
	}
	return b.store.Gone(func(id guest.ID, images int) error { return b.release(ctx, id, images) })
}

// release ends a machine's leases of so many images.
func (b *Backend) release(ctx context.Context, id guest.ID, images int) error {
	if b.opts.Images == nil {
		return nil
	}
	var errs []error
	for i := range images {
		errs = append(errs, b.opts.Images.ReleaseRootFS(ctx, lease(id, i)))
	}
	return errors.Join(errs...)
}

// lease names the lease of a machine's image.
func lease(id guest.ID, image int) string {
	if image == 0 {
		return string(id)
	}
	return string(id) + "-" + strconv.Itoa(image)
}
