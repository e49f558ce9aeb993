package vmbackend

import (
	"context"
	"path"
	"path/filepath"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

var _ vzcontract.Mounter = (*Backend)(nil)

// AddMount implements vzcontract.Mounter. The machine, which boots for it if it does not
// run, gets one more entry of its share.
func (b *Backend) AddMount(ctx context.Context, ref string, m vzcontract.Mount) error {
	found, err := b.find(ctx, "mount", ref)
	if err != nil {
		return err
	}
	m.Target = path.Clean(m.Target)
	if err := checkAdded(m); err != nil {
		return failure("mount", ref, err)
	}
	req := guest.Mount{Of: guest.Of{Record: found.record.ID}}
	req.Mount, req.Entry = m, sharedEntry(filepath.Clean(m.Source), m.ReadOnly)
	return b.at(ctx, "mount", ref, found, true, func(c *connection, _ string) error {
		return c.control.Call(ctx, guest.MethodMount, req, nil)
	})
}

// checkAdded refuses what cannot be added to a container, and makes a missing source
// that is to be made.
func checkAdded(m vzcontract.Mount) error {
	if err := m.Validate(); err != nil {
		return err
	}
	switch {
	case m.Type != vzcontract.MountBind:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "mount %s: a %s cannot be added to a container: create it with that", m.Target, m.Type)
	case m.Subpath != "":
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "mount %s: a bind has no subpath: name the path itself", m.Target)
	}
	return bindSource(m)
}

// RemoveMount implements vzcontract.Mounter.
func (b *Backend) RemoveMount(ctx context.Context, ref, target string) error {
	found, err := b.find(ctx, "unmount", ref)
	if err != nil {
		return err
	}
	req := guest.Mount{Of: guest.Of{Record: found.record.ID}}
	req.Mount.Target = target
	return b.at(ctx, "unmount", ref, found, true, func(c *connection, _ string) error {
		return c.control.Call(ctx, guest.MethodUnmount, req, nil)
	})
}

// later are the binds that the container got after it was made and that the guest has.
func (m machine) later() []vzcontract.Mount {
	var all []vzcontract.Mount
	for _, a := range m.added {
		if slices.ContainsFunc(m.state.Info.Mounts, func(told vzcontract.MountInfo) bool {
			return told.Source == a.Source() && told.Target == a.Mount.Target
		}) {
			all = append(all, a.Mount)
		}
	}
	return all
}
