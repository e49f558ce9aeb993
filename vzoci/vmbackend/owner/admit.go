package owner

import (
	"context"
	"errors"
	"slices"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// admit gives the guest what a container needs of the host, before it is made there.
func (o *owner) admit(ctx context.Context, id guest.ID) error {
	record, err := o.store.Open(id)
	if err != nil {
		return err
	}
	if record.In != o.record.ID {
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s is no container of this machine", id)
	}
	o.sharing.Lock()
	defer o.sharing.Unlock()
	o.mu.Lock()
	c := o.contains[id] // it may have been there when the machine booted
	o.mu.Unlock()
	if c == nil {
		c = newContained(record, guest.State{})
	}
	if err := o.furnish(ctx, c); err != nil {
		return err
	}
	o.mu.Lock()
	o.contains[id] = c
	o.mu.Unlock()
	return nil
}

// ready furnishes a container that could not be furnished when the machine booted.
func (o *owner) ready(ctx context.Context, c *contained) error {
	o.sharing.Lock()
	defer o.sharing.Unlock()
	return o.furnish(ctx, c)
}

// furnish gives the guest a container's entries, images and volumes, if it has not got
// them. What a failed one has given is taken back. o.sharing is held.
func (o *owner) furnish(ctx context.Context, c *contained) (err error) {
	if c.furnished {
		return nil
	}
	r := c.record
	var undo []func(context.Context) error
	defer func() {
		if err == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
		defer cancel()
		for _, back := range undo {
			err = errors.Join(err, back(ctx))
		}
	}()
	for _, e := range slices.Concat(r.Entries, c.more) {
		if o.entries[e.Name] == 0 && o.grows() {
			if err := o.vm.AddEntry(ctx, guest.ShareTag, e); err != nil {
				return err
			}
		}
		o.entries[e.Name]++
		undo = append(undo, func(ctx context.Context) error { return o.removeEntry(ctx, e.Name) })
	}
	for _, image := range r.Images {
		if err := o.agent.Call(ctx, agentproto.MethodImageProvide, image, nil); err != nil {
			return err
		}
	}
	for _, v := range r.Volumes {
		if err := o.addVolume(ctx, v); err != nil {
			return err
		}
		undo = append([]func(context.Context) error{func(ctx context.Context) error { return o.removeVolume(ctx, v) }}, undo...)
	}
	c.furnished = true
	return nil
}

// furnishAll furnishes a guest that has booted with what its containers need. In a shared
// machine one that cannot have it, such as a directory that is no more, leaves the others
// alone: its own start tells why.
func (o *owner) furnishAll(ctx context.Context) error {
	o.sharing.Lock()
	defer o.sharing.Unlock()
	for _, c := range o.all() {
		if err := o.furnish(ctx, c); err != nil && !o.grows() {
			return err
		}
	}
	if !o.grows() {
		return nil
	}
	return o.reconcile(ctx)
}

// undoTime bounds how long it takes to take back what a container had.
const undoTime = 30 * time.Second

// grows tells whether what the machine shares changes while it runs.
func (o *owner) grows() bool { return o.record.Shared != "" }

func (o *owner) removeEntry(ctx context.Context, name string) error {
	if !o.grows() {
		return nil // it goes with the machine
	}
	return o.takeEntry(ctx, name)
}

// dismiss takes back what a container had that is no more, and removes its record. What
// the guest does not give back ends with the machine.
func (o *owner) dismiss(ctx context.Context, c *contained) {
	o.sharing.Lock()
	defer o.sharing.Unlock()
	o.mu.Lock()
	_, has := o.contains[c.record.ID]
	delete(o.contains, c.record.ID)
	o.mu.Unlock()
	if !has {
		return
	}
	c.close()
	if c.furnished {
		for _, v := range c.record.Volumes {
			_ = o.removeVolume(ctx, v)
		}
		for _, e := range slices.Concat(c.record.Entries, c.more) {
			_ = o.removeEntry(ctx, e.Name)
		}
	}
	if c.record.Config.AutoRemove {
		_ = c.removeVolumes()
	}
	_ = o.store.Remove(c.record.ID)
	o.awake()
}

// reconcile removes what the guest still has of containers and networks that were
// removed while it did not run.
func (o *owner) reconcile(ctx context.Context) error {
	list, err := o.runtime.List(ctx)
	if err != nil {
		return err
	}
	for _, info := range list {
		if _, err := o.of(guest.ID(info.Config.Annotations[guest.Annotation])); err == nil {
			continue
		}
		if err := o.runtime.Remove(ctx, info.ID, vzcontract.RemoveOptions{Force: true}); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	}
	networks, err := o.runtime.ListNetworks(ctx)
	if err != nil {
		return err
	}
	for _, n := range networks {
		if o.record.HasNetwork(n.ID) || guest.DefaultNetwork(n.Name) {
			continue
		}
		if err := o.runtime.RemoveNetwork(ctx, n.Name); err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
			return err
		}
	}
	return nil
}
