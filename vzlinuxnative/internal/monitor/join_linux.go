package monitor

import (
	"context"
	"errors"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/wire"
	"vz.internal/vzlinuxnative/network"
)

// join connects the running container to one more network.
func (m *monitor) join(at *vzcontract.NetworkAttach) error {
	if at == nil {
		return wire.ErrMalformed
	}
	r, err := m.runningRun()
	if err != nil {
		return err
	}
	if r.net.mode != "" && r.net.mode != network.NoNetwork {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container shares the network namespace of %s", r.net.mode)
	}
	if err := m.joinRun(r, *at); err != nil {
		return err
	}
	m.event("connect", map[string]string{"network": at.Network})
	return m.recordPlaces(r)
}

func (m *monitor) joinRun(r *run, at vzcontract.NetworkAttach) error {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	ctx := context.Background()
	if r.net.box != nil {
		return r.net.box.Attach(ctx, at)
	}
	q := m.networkRequest(r.cfg, []vzcontract.NetworkAttach{at})
	q.Ports, q.PublishAll = nil, false
	box, err := m.nets.Reserve(ctx, q)
	if err != nil {
		return err
	}
	if err := connectTo(box, r.c.PID()); err != nil {
		return errors.Join(err, box.Close(ctx))
	}
	r.net.box = box
	return nil
}

// leave disconnects the running container from a network.
func (m *monitor) leave(at *vzcontract.NetworkAttach) error {
	if at == nil {
		return wire.ErrMalformed
	}
	r, err := m.runningRun()
	if err != nil {
		return err
	}
	if err := r.leave(at.Network); err != nil {
		return err
	}
	m.event("disconnect", map[string]string{"network": at.Network})
	return m.recordPlaces(r)
}

func (r *run) leave(name string) error {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	if r.net.box == nil {
		return vzcontract.Errorf(vzcontract.ErrConflict, "the container is not on network %s", name)
	}
	return r.net.box.Detach(context.Background(), name)
}

func (m *monitor) recordPlaces(r *run) error {
	_, err := m.store.Update(m.id, func(st *record.State) error {
		if st.Live() {
			st.Networks, st.Ports = r.places()
		}
		return nil
	})
	return err
}

// rename makes the container known by another name, which the record has.
func (m *monitor) rename(name string) error {
	m.name.Store(name)
	r, err := m.await()
	if err != nil || r == nil {
		return err
	}
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	if r.net.box == nil {
		return nil
	}
	return r.net.box.Rename(name)
}
