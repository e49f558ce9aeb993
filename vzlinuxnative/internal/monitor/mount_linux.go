package monitor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/graft"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/wire"
)

// lockMounts takes the lock of the record's mounts, which a start holds while it reads
// them, and returns the present run: nil between two. No run begins while it is held.
func (m *monitor) lockMounts() (*run, error) {
	for {
		r, err := m.await()
		if err != nil {
			return nil, err
		}
		m.mounting.Lock()
		m.mu.Lock()
		same := m.run == r && !m.starting
		m.mu.Unlock()
		if same {
			return r, nil
		}
		m.mounting.Unlock()
	}
}

// namespace opens the run's mount namespace; nil if the run has ended.
func (r *run) namespace() (*os.File, error) {
	if r == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reaped {
		return nil, nil
	}
	ns, err := graft.Open(r.c.PID()) // not reaped, so the pid is the workload's
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return nil, nil // it has just ended
	}
	return ns, err
}

// mount adds a bind, whose detached tree has come with the request. Between two runs
// it is only put on record, for the next one.
func (m *monitor) mount(q *request) error {
	defer q.files.Close()
	if q.msg.Mount == nil || q.files.In == nil {
		return wire.ErrMalformed
	}
	r, err := m.lockMounts()
	if err != nil {
		return err
	}
	defer m.mounting.Unlock()
	ns, err := r.namespace()
	if err != nil {
		return err
	}
	defer ns.Close() // nil is fine
	add := record.AddedMount{Mount: record.Mount{Mount: *q.msg.Mount, HostPath: filepath.Clean(q.msg.Mount.Source)}}
	if ns != nil {
		id, err := graft.IDOf(q.files.In)
		if err != nil {
			return err
		}
		add.ID = uint64(id)
	}
	if _, err := m.store.Update(m.id, func(st *record.State) error { return record.AddMount(m.cfg, st, add) }); err != nil {
		return err
	}
	fault.Point("mount.recorded")
	if ns != nil {
		if err := m.attachTree(ns, q.files.In, add.Target); err != nil {
			return errors.Join(err, m.dropMount(add.Target))
		}
	}
	fault.Point("mount.attached")
	m.event("mount", map[string]string{"source": add.HostPath, "destination": add.Target})
	return nil
}

func (m *monitor) attachTree(ns, tree *os.File, target string) error {
	root, err := os.OpenFile(m.root.Path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer root.Close()
	return graft.Attach(graft.Attachment{Namespace: ns, Tree: tree, Target: target, Root: root})
}

func (m *monitor) dropMount(target string) error {
	_, err := m.store.Update(m.id, func(st *record.State) error {
		record.DropMount(st, target)
		return nil
	})
	return err
}

// unmount takes away what was added at a place. It stays on record until it is gone.
func (m *monitor) unmount(at *vzcontract.Mount) error {
	if at == nil {
		return wire.ErrMalformed
	}
	r, err := m.lockMounts()
	if err != nil {
		return err
	}
	defer m.mounting.Unlock()
	st, err := m.store.State(m.id)
	if err != nil {
		return err
	}
	added, err := record.FindAdded(m.cfg, st, at.Target)
	if err != nil {
		return err
	}
	ns, err := r.namespace()
	if err != nil {
		return err
	}
	if ns != nil {
		err = graft.Detach(ns, graft.ID(added.ID))
		ns.Close()
	}
	if err != nil {
		return err
	}
	fault.Point("unmount.detached")
	if err := m.dropMount(added.Target); err != nil {
		return err
	}
	fault.Point("unmount.recorded")
	m.event("unmount", map[string]string{"destination": added.Target})
	return nil
}

// numberMounts records the kernel's numbers of the mounts that were added before this
// run, while nothing of the container runs that could move them.
func (m *monitor) numberMounts(r *run) error {
	if len(r.added) == 0 {
		return nil
	}
	for i, added := range r.added {
		id, err := graft.IDAt(r.c.PID(), added.Target)
		if err != nil {
			return fmt.Errorf("mount %s: %w", added.Target, err)
		}
		r.added[i].ID = uint64(id)
	}
	_, err := m.store.Update(m.id, func(st *record.State) error {
		st.Mounts = r.added
		return nil
	})
	return err
}
