package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/internal/qmp"
)

// addChardev gives QEMU a socket as a character device.
func (r *run) addChardev(ctx context.Context, id string, socket *os.File) error {
	name := "fd-" + id
	if err := r.qmp.Do(ctx, "getfd", map[string]any{"fdname": name}, nil, socket); err != nil {
		return err
	}
	return r.qmp.Do(ctx, "chardev-add", map[string]any{"id": id, "backend": map[string]any{
		"type": "socket", "data": map[string]any{
			"server": false, "addr": map[string]any{"type": "fd", "data": map[string]any{"str": name}},
		},
	}}, nil)
}

// SetEject implements vzcore.Ejector.
func (m *machine) SetEject(eject vzcore.EjectFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.eject = eject
}

// ejectTime is how long a guest may take to switch a slot off.
const ejectTime = 4 * time.Second

// removeDevice takes the device in a slot away and returns when the guest has let
// it go. The button that QEMU presses is heeded after five seconds where slots are
// those of PCI Express alone, so there the guest's agent is asked first.
func (m *machine) removeDevice(ctx context.Context, r *run, id string, slot int) error {
	m.mu.Lock()
	eject := m.eject
	m.mu.Unlock()
	events, stop := r.qmp.Watch("DEVICE_DELETED")
	defer stop()
	if eject != nil && m.driver.arch.slowButton {
		asking, cancel := context.WithTimeout(ctx, ejectTime)
		defer cancel()
		// The answer may be lost with the device, so the event counts.
		go func() { _ = eject(asking, numberOf(slot)) }()
		if r.awaitRemoval(asking, events, nil, id) == nil {
			return nil
		}
	}
	refused, stopRefused := r.qmp.Watch("DEVICE_UNPLUG_GUEST_ERROR")
	defer stopRefused()
	if err := r.qmp.Do(ctx, "device_del", map[string]any{"id": id}, nil); err != nil {
		return err
	}
	return r.awaitRemoval(ctx, events, refused, id)
}

func (r *run) awaitRemoval(ctx context.Context, events, refused <-chan qmp.Event, id string) error {
	for {
		select {
		case e := <-events:
			var data struct {
				Device string `json:"device"`
			}
			if json.Unmarshal(e.Data, &data) == nil && data.Device == id {
				return nil
			}
		case <-refused:
			return vzcontract.Errorf(vzcontract.ErrConflict, "unplug %s: the guest does not let it go", id)
		case <-r.qmp.Done():
			return fmt.Errorf("unplug %s: the machine has ended", id)
		case <-ctx.Done():
			return fmt.Errorf("unplug %s: %w", id, ctx.Err())
		}
	}
}

// slot returns a free place for what is plugged while the guest runs.
func (r *run) slot() (int, error) {
	for i := 1; i < len(r.slots); i++ {
		if !r.slots[i] {
			r.slots[i] = true
			return i, nil
		}
	}
	return 0, vzcontract.Errorf(vzcontract.ErrConflict, "all %d places for shares and cards that come while the machine runs are in use: take one away, or stop the machine first", len(r.slots)-1)
}
