package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
)

// SetCards implements vzcore.Carder.
func (m *machine) SetCards(open vzcore.CardFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cards = open
}

// card opens the host's end of a card's cable.
func (m *machine) card(n int) (*os.File, error) {
	m.mu.Lock()
	open := m.cards
	m.mu.Unlock()
	if open == nil {
		return nil, vzcontract.Errorf(vzcontract.ErrInternal, "network card %d has no cable", n)
	}
	return open(n)
}

// PlugCard implements vzcore.Carder.
func (m *machine) PlugCard(ctx context.Context, n int) error {
	r, err := m.present()
	if err != nil {
		return err
	}
	slot, err := r.slot()
	if err != nil {
		return err
	}
	end, err := m.card(n)
	if err != nil {
		r.slots[slot] = false
		return err
	}
	defer end.Close()
	id, device := fmt.Sprintf("net%d", n), fmt.Sprintf("card%d", n)
	err = r.qmp.Do(ctx, "getfd", map[string]any{"fdname": device}, nil, end)
	if err == nil {
		err = r.qmp.Do(ctx, "netdev_add", map[string]any{"type": "tap", "id": id, "fd": device}, nil)
	}
	if err != nil {
		r.slots[slot] = false
		return err
	}
	err = r.qmp.Do(ctx, "device_add", map[string]any{
		"driver": "virtio-net-pci", "id": device, "netdev": id, "bus": fmt.Sprintf("hot%d", slot), "romfile": "", "mac": config.CardMAC(n),
	}, nil)
	if err != nil {
		r.slots[slot] = false
		return errors.Join(err, r.qmp.Do(context.WithoutCancel(ctx), "netdev_del", map[string]any{"id": id}, nil))
	}
	return nil
}
