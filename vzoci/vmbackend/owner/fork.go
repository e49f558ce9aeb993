package owner

import (
	"context"
	"errors"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// How long between two tries while the other machine starts or ends.
const (
	firstTry = 2 * time.Millisecond
	lastTry  = 100 * time.Millisecond
)

// inherit gives a machine that has never run a copy of the disk of that whose container
// its own is forked from.
func (o *owner) inherit(ctx context.Context) error {
	for wait := firstTry; ; wait = min(2*wait, lastTry) {
		err := o.tryInherit(ctx, o.record.From.Record)
		if !errors.Is(err, errBusy) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errBusy: the other machine starts or ends just now.
var errBusy = vzcontract.Errorf(vzcontract.ErrConflict, "the machine starts or ends just now")

// tryInherit is errBusy if it is worth another try.
func (o *owner) tryInherit(ctx context.Context, from guest.ID) error {
	control, err := o.store.Dial(ctx, from)
	if err == nil {
		defer control.Close()
		err = control.Call(ctx, guest.MethodCopyDisk, guest.CopyDisk{Of: guest.Of{Record: from}, To: o.record.ID}, nil)
		if errors.Is(err, vzcontract.ErrUnavailable) {
			return errBusy
		}
		return err
	}
	if !errors.Is(err, vzcontract.ErrConflict) {
		return err
	}
	lock, err := o.store.TryLock(from)
	if errors.Is(err, vzcontract.ErrConflict) {
		return errBusy
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	return vzcore.CopyDisk(ctx, o.store.Disk(o.record.ID), o.store.Disk(from))
}

// copyDisk gives a machine that was made to be a fork of this one a copy of the disk. Who
// writes to the disk meanwhile waits.
func (o *owner) copyDisk(ctx context.Context, to guest.ID) (err error) {
	r, err := o.store.Open(to)
	if err != nil {
		return err
	}
	if r.From == nil || r.From.Record != o.record.ID {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s is no fork of this machine", to)
	}
	if !o.called(1) {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "the machine ends")
	}
	defer o.called(-1)
	o.holding.Lock()
	defer o.holding.Unlock()
	disk := agentproto.FileRequest{Path: guest.StatePath}
	whole := context.WithoutCancel(ctx) // who has given up must not leave it held
	if err := o.agent.Call(whole, agentproto.MethodHold, disk, nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.agent.Call(whole, agentproto.MethodRelease, disk, nil)) }()
	return vzcore.CopyDisk(ctx, o.store.Disk(to), o.store.Disk(o.record.ID))
}

// disinherit removes the container that came with the disk of another machine, if who
// has forked it could not.
func (o *owner) disinherit(ctx context.Context) error {
	c, err := o.of(o.record.ID)
	if o.record.From == nil || err != nil || c.known().Info.ID == "" {
		return nil //nolint:nilerr // a shared machine has no container itself
	}
	err = o.runtime.Remove(ctx, o.record.From.Container, vzcontract.RemoveOptions{Force: true})
	if errors.Is(err, vzcontract.ErrNotFound) {
		return nil
	}
	return err
}
