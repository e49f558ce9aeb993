package monitor

import (
	"errors"
	"path/filepath"

	"vz.internal/vzlinuxnative/internal/events"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

// remove removes the container, which has stopped. Its leases on images are
// ended by the next vz that has to do with images. What is left of its files,
// little and found by nobody, waste removes.
func (m *monitor) remove() error {
	fault.Point("autoremove.begin")
	if err := errors.Join(m.store.LeaveLeases(m.cfg), m.store.RemoveAnonymous(m.cfg)); err != nil {
		return err
	}
	if err := rootfs.Empty(m.store.Dir(m.id)); err != nil {
		return err
	}
	fault.Point("autoremove.root")
	if err := m.store.Forget(m.id); err != nil {
		return err
	}
	fault.Point("autoremove.record")
	j, err := events.Open(filepath.Join(m.home, "events"))
	if err != nil {
		return err
	}
	return j.Append(record.Event(m.cfg, m.name.Load().(string), "destroy", nil))
}

// waste removes the files of a removed container.
func (m *monitor) waste() error {
	return errors.Join(rootfs.Remove(m.store.Dir(m.id)), m.store.Clear(m.id))
}
