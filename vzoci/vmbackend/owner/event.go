package owner

import (
	"context"
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// follow notes what happens to the guest's containers, and looks at each then. What
// happened since the guest has its clock counts.
func (o *owner) follow(ctx context.Context) {
	defer func() {
		for _, c := range o.all() { // nobody will hear of it any more
			c.leave()
		}
	}()
	_ = o.runtime.Events(ctx, vzcontract.EventOptions{Since: o.clock}, func(e vzcontract.Event) error {
		if o.record.Inherited(e.ID) {
			return nil // it lives on in another machine
		}
		var removed *contained
		for _, c := range o.concerned(e) {
			if e.Type == "container" && !o.grows() {
				c.heard(e.ID)
			}
			state, err := o.refresh(ctx, c)
			if err != nil && !o.grows() {
				return err
			}
			if err == nil && state.Gone && e.Action == "destroy" {
				removed = c
			}
		}
		if err := o.store.Emit(o.named(e)); err != nil {
			return err
		}
		if removed != nil {
			if o.grows() {
				o.dismiss(ctx, removed)
			}
			removed.leave()
		}
		o.awake()
		return nil
	})
}

// changeless are actions that leave a container as it was.
var changeless = []string{"attach", "checkpoint", "commit"}

// concerned are the containers that an event may have changed.
func (o *owner) concerned(e vzcontract.Event) []*contained {
	if strings.HasPrefix(e.Action, "exec_") || slices.Contains(changeless, e.Action) {
		return nil
	}
	all := o.all()
	if !o.grows() {
		return all
	}
	var unknown []*contained
	for _, c := range all {
		switch id := c.known().Info.ID; {
		case id == "":
			unknown = append(unknown, c)
		case id == e.ID, id == e.Attributes["container"]:
			return []*contained{c}
		}
	}
	if e.Type == "container" {
		return unknown
	}
	return nil
}

// named gives an event of a container the names that it has for the host.
func (o *owner) named(e vzcontract.Event) vzcontract.Event {
	if e.Type != "container" || e.Attributes == nil {
		return e
	}
	for _, c := range o.all() {
		if image := c.record.Config.Image; image != "" && (!o.grows() || c.known().Info.ID == e.ID) {
			e.Attributes["image"] = image
		}
	}
	return e
}
