package vmbackend

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

var _ vzcontract.SharedVM = (*Backend)(nil)

// sharedMemory is what a shared machine has if nobody asks for a size. The host gives a
// guest what it has used, so room that nobody needs costs nothing.
const sharedMemory = 1 * config.GiB

// BootSharedVM implements vzcontract.SharedVM.
func (b *Backend) BootSharedVM(ctx context.Context, name string, limits vzcontract.Resources) error {
	return sharedFailure("boot", name, b.bootShared(ctx, name, limits))
}

func (b *Backend) bootShared(ctx context.Context, name string, limits vzcontract.Resources) error {
	if !vzcontract.ValidName(name) {
		return vzcontract.Errorf(vzcontract.ErrValidation, "invalid name: only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed")
	}
	id, err := b.makeShared(ctx, name, limits)
	if err != nil {
		return err
	}
	_, release, err := b.boot(ctx, id)
	if err != nil {
		return err
	}
	// It has no container yet, and would end before it gets one.
	b.mu.Lock()
	before := b.booted[name]
	b.booted[name] = release
	b.mu.Unlock()
	if before != nil {
		before()
	}
	return nil
}

// makeShared returns the machine of that name. One that does not run, or is new, gets
// the size that limits want.
func (b *Backend) makeShared(ctx context.Context, name string, limits vzcontract.Resources) (guest.ID, error) {
	lock, err := b.store.LockAll(ctx)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	r, err := b.store.Shared(name)
	fresh := errors.Is(err, vzcontract.ErrNotFound)
	if err != nil && !fresh {
		return "", err
	}
	cpus, memory := size(limits)
	if limits.Memory == 0 {
		memory = sharedMemory
	}
	switch {
	case fresh:
		r = guest.Record{
			ID: guest.NewID(), Created: time.Now().UTC(), Bundle: b.opts.Bundle, Shared: name,
			CPUs: cpus, Memory: memory, MAC: config.RandomMAC(),
		}
		err = b.store.Make(r)
	case r.CPUs != cpus || r.Memory != memory:
		r.CPUs, r.Memory = cpus, memory // for its next boot
		err = b.store.Save(r)
	}
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

// SharedVMPhase implements vzcontract.SharedVM.
func (b *Backend) SharedVMPhase(_ context.Context, name string) (vzcontract.SharedVMPhase, error) {
	r, err := b.store.Shared(name)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return vzcontract.PhaseShutdown, nil
	}
	if err != nil {
		return "", sharedFailure("inspect", name, err)
	}
	phase, err := b.store.Phase(r.ID)
	return phase, sharedFailure("inspect", name, err)
}

// ShutdownSharedVM implements vzcontract.SharedVM.
func (b *Backend) ShutdownSharedVM(ctx context.Context, name string) error {
	return sharedFailure("shut down", name, b.shutdownShared(ctx, name))
}

func (b *Backend) shutdownShared(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	release := b.booted[name]
	delete(b.booted, name)
	b.mu.Unlock()
	if release != nil {
		release()
	}
	r, err := b.store.Shared(name)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	lock, err := b.endShared(ctx, r.ID)
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	all, err := b.store.LockAll(ctx) // nobody makes a container in it now
	if err != nil {
		return err
	}
	defer all.Close()
	left, err := b.lodgers(r.ID)
	if err != nil || left > 0 {
		return err
	}
	return errors.Join(b.store.Remove(r.ID), b.endLeases(ctx))
}

// endShared ends a shared machine and returns its lock.
func (b *Backend) endShared(ctx context.Context, id guest.ID) (io.Closer, error) {
	for wait := firstTry; ; wait = min(2*wait, lastTry) {
		if err := b.stopAll(ctx, id); err != nil {
			return nil, err
		}
		if err := b.endWith(ctx, id, guest.Stop{}); err != nil {
			return nil, err
		}
		lock, err := b.store.TryLock(id)
		if !errors.Is(err, vzcontract.ErrConflict) {
			return lock, err
		}
		select { // another process has it boot
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// stopAll stops the containers of a machine that runs.
func (b *Backend) stopAll(ctx context.Context, id guest.ID) error {
	if phase, err := b.store.Phase(id); err != nil || phase == vzcontract.PhaseShutdown {
		return err
	}
	all, err := b.machines(ctx)
	if err != nil {
		return err
	}
	var work errgroup.Group
	for _, m := range all {
		if m.record.In != id {
			continue
		}
		work.Go(func() error {
			info, err := b.present(ctx, m)
			if err == nil && (info.State == vzcontract.StateRunning || info.State == vzcontract.StatePaused || info.Restarting) {
				err = b.Stop(ctx, info.ID, vzcontract.StopOptions{})
			}
			if errors.Is(err, vzcontract.ErrNotFound) {
				return nil
			}
			return err
		})
	}
	return work.Wait()
}

// lodgers counts the containers that live in a machine. What is left of makings that
// were interrupted is removed. The caller holds the locks of names and of the machine.
func (b *Backend) lodgers(id guest.ID) (int, error) {
	ids, err := b.store.In(id)
	if err != nil {
		return 0, err
	}
	left := 0
	for _, one := range ids {
		state, err := b.store.State(one)
		if err != nil {
			return 0, err
		}
		if state.Info.ID != "" && !state.Gone {
			left++
			continue
		}
		making, err := b.store.TryMaking(one)
		if errors.Is(err, vzcontract.ErrConflict) {
			left++ // another process is about to make it
			continue
		}
		if err == nil {
			err = errors.Join(b.store.Remove(one), making.Close())
		}
		if err != nil {
			return 0, err
		}
	}
	return left, nil
}

func sharedFailure(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &vzcontract.Error{Op: op, Kind: "shared machine", Name: name, Class: vzcontract.SentinelOf(vzcontract.CodeOf(err)), Err: err}
}
