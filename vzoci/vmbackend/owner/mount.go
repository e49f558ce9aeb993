package owner

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// usable are the entries of what a container got after it was made. A source that is no
// more does not keep the machine from booting: the container's start tells of it, and the
// mount can be removed.
func usable(added []guest.Added) []config.Entry {
	var entries []config.Entry
	for _, a := range added {
		if _, err := os.Stat(a.Entry.Source); err == nil {
			entries = append(entries, a.Entry)
		}
	}
	return entries
}

// allEntries are what the machine's share holds when it boots, each once.
func (o *owner) allEntries() []config.Entry {
	all := slices.Clone(o.record.Entries)
	if c, err := o.of(o.record.ID); err == nil {
		for _, e := range c.more {
			if !slices.ContainsFunc(all, func(have config.Entry) bool { return have.Name == e.Name }) {
				all = append(all, e)
			}
		}
	}
	return all
}

// mount gives a container one more bind: its machine an entry of the share, and the
// container the mount of that. It is on record before.
func (o *owner) mount(ctx context.Context, c *contained, add guest.Added) error {
	state, err := o.refresh(ctx, c)
	if err != nil {
		return err
	}
	o.sharing.Lock()
	defer o.sharing.Unlock()
	if err := o.furnish(ctx, c); err != nil {
		return err
	}
	next := append(slices.Clip(c.added), add)
	if err := o.store.SetAdded(c.record.ID, next); err != nil {
		return err
	}
	if err := o.mountEntry(ctx, state.Info.ID, add); err != nil {
		return errors.Join(err, o.store.SetAdded(c.record.ID, c.added))
	}
	c.added, c.more = next, append(c.more, add.Entry)
	return nil
}

// mountEntry is mount without its record. o.sharing is held.
func (o *owner) mountEntry(ctx context.Context, id string, add guest.Added) error {
	if o.entries[add.Entry.Name] == 0 {
		if err := o.vm.AddEntry(ctx, guest.ShareTag, add.Entry); err != nil {
			return err
		}
	}
	o.entries[add.Entry.Name]++
	err := o.runtime.AddMount(ctx, id, add.Inside())
	if err == nil {
		return nil
	}
	undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	return errors.Join(err, o.takeEntry(undo, add.Entry.Name))
}

// unmount takes a bind away that the container got after it was made.
func (o *owner) unmount(ctx context.Context, c *contained, target string) error {
	state, err := o.refresh(ctx, c)
	if err != nil {
		return err
	}
	o.sharing.Lock()
	defer o.sharing.Unlock()
	err = o.runtime.RemoveMount(ctx, state.Info.ID, target)
	if err != nil && !errors.Is(err, vzcontract.ErrNotFound) {
		return err
	}
	// One that the guest does not know its making was cut short.
	goes := func(a guest.Added) bool { return path.Clean(a.Mount.Target) == path.Clean(target) }
	next := slices.DeleteFunc(slices.Clone(c.added), goes)
	errs := []error{err}
	for _, a := range c.added {
		i := slices.IndexFunc(c.more, func(e config.Entry) bool { return e.Name == a.Entry.Name })
		if goes(a) && i >= 0 {
			c.more = slices.Delete(c.more, i, i+1)
			if c.furnished {
				errs = append(errs, o.takeEntry(ctx, a.Entry.Name))
			}
		}
	}
	if len(next) < len(c.added) {
		c.added = next
		errs = append(errs, o.store.SetAdded(c.record.ID, next))
	}
	return errors.Join(errs...)
}

// takeEntry takes an entry out of the share with its last user. o.sharing is held.
func (o *owner) takeEntry(ctx context.Context, name string) error {
	if o.entries[name]--; o.entries[name] > 0 {
		return nil
	}
	delete(o.entries, name)
	return o.vm.RemoveEntry(ctx, guest.ShareTag, name)
}
