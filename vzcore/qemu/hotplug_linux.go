package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"vz.internal/vzcontract"
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

// removeDevice takes a device away and returns when the guest has let it go.
func (r *run) removeDevice(ctx context.Context, id string) error {
	events, stop := r.qmp.Watch("DEVICE_DELETED")
	defer stop()
	refused, stopRefused := r.qmp.Watch("DEVICE_UNPLUG_GUEST_ERROR")
	defer stopRefused()
	if err := r.qmp.Do(ctx, "device_del", map[string]any{"id": id}, nil); err != nil {
		return err
	}
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

// slot returns a free place for a share.
func (r *run) slot() (int, error) {
	for i := 1; i < len(r.slots); i++ {
		if !r.slots[i] {
			r.slots[i] = true
			return i, nil
		}
	}
	return 0, vzcontract.Errorf(vzcontract.ErrConflict, "all %d places for shares are in use", hotSlots)
}
