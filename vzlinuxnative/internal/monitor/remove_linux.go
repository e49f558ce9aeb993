package monitor

import (
	"errors"
	"path/filepath"

	"vz.internal/vzlinuxnative/internal/events"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

// remove removes the container, which has stopped, and gives back its lock: who
// waits for the removal need not wait for its empty directories, nor for the
// end of this process. The container's leases on images are ended by the next
// vz that has to do with images.
func (m *monitor) remove() error {
	fault.Point("autoremove.begin")
	if err := errors.Join(m.store.LeaveLeases(m.cfg), m.store.RemoveAnonymous(m.cfg)); err != nil {
		return err
	}
	dir := m.store.Dir(m.id)
	if err := rootfs.Empty(dir); err != nil {
		return err
	}
	fault.Point("autoremove.root")
	if err := m.store.Forget(m.id); err != nil {
		return err
	}
	fault.Point("autoremove.record")
	j, err := events.Open(filepath.Join(m.home, "events"))
	if err == nil {
		err = j.Append(record.Event(m.cfg, m.name.Load().(string), "destroy", nil))
	}
	return errors.Join(err, m.lock.Close(), rootfs.Remove(dir), m.store.Clear(m.id))
}
