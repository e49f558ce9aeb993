package monitor

import (
	"errors"
	"path/filepath"

	"vz.internal/vzlinuxnative/internal/events"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

// remove removes the container, which has stopped. Its leases on images
// are ended by the next vz that has to do with images.
func (m *monitor) remove() error {
	fault.Point("autoremove.begin")
	if err := errors.Join(m.store.LeaveLeases(m.cfg), m.store.RemoveAnonymous(m.cfg)); err != nil {
		return err
	}
	if err := rootfs.Remove(m.store.Dir(m.id)); err != nil {
		return err
	}
	fault.Point("autoremove.root")
	if err := m.store.Remove(m.id); err != nil {
		return err
	}
	fault.Point("autoremove.record")
	j, err := events.Open(filepath.Join(m.home, "events"))
	if err != nil {
		return err
	}
	return j.Append(record.Event(m.cfg, m.name.Load().(string), "destroy", nil))
}
