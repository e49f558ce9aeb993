package qemu

import (
	"context"
	"errors"
	"os"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// A share is a directory that the guest has, with the process that serves it.
type share struct {
	slot   int
	daemon *process
}

func (s *share) close() {
	if s.daemon != nil {
		s.daemon.kill()
	}
}

// Plug implements vzcore.Sharer.
func (m *machine) Plug(ctx context.Context, s config.Share) (string, error) {
	r, err := m.present()
	if err != nil {
		return "", err
	}
	return m.plug(ctx, r, s)
}

func (m *machine) plug(ctx context.Context, r *run, s config.Share) (kind string, err error) {
	if r.shares[s.Tag] != nil {
		return "", vzcontract.Errorf(vzcontract.ErrConflict, "the share %q is plugged", s.Tag)
	}
	if info, err := os.Stat(s.Source); err != nil {
		return "", vzcontract.Errorf(vzcontract.ErrNotFound, "%w", err)
	} else if !info.IsDir() {
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "share %s: it is no directory", s.Source)
	}
	slot, err := r.slot()
	if err != nil {
		return "", err
	}
	one := &share{slot: slot}
	if err := r.plugVirtiofs(ctx, one, s, m.dir); err != nil {
		one.close()
		r.slots[slot] = false
		return "", err
	}
	r.shares[s.Tag] = one
	return "virtiofs", nil
}

func (r *run) plugVirtiofs(ctx context.Context, one *share, s config.Share, dir string) error {
	daemon, connection, err := serveShare(s, dir)
	if err != nil {
		return err
	}
	defer connection.Close()
	one.daemon = daemon
	id := "share-" + s.Tag
	if err := r.addChardev(ctx, id, connection); err != nil {
		return err
	}
	err = r.qmp.Do(ctx, "device_add", map[string]any{
		"driver": "vhost-user-fs-pci", "id": id, "chardev": id, "tag": s.Tag, "bus": busOf(one.slot),
	}, nil)
	if err != nil {
		return errors.Join(err, r.qmp.Do(ctx, "chardev-remove", map[string]any{"id": id}, nil), one.daemonFailure())
	}
	return nil
}

// daemonFailure says why virtiofsd has ended, if it has.
func (s *share) daemonFailure() error {
	select {
	case <-s.daemon.done:
		return s.daemon.failure()
	default:
		return nil
	}
}

// Unplug implements vzcore.Sharer.
func (m *machine) Unplug(ctx context.Context, tag string) error {
	r, err := m.present()
	if err != nil {
		return err
	}
	one := r.shares[tag]
	if one == nil {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "there is no share %q", tag)
	}
	id := "share-" + tag
	if err := m.removeDevice(ctx, r, id, one.slot); err != nil {
		return err
	}
	delete(r.shares, tag)
	r.slots[one.slot] = false
	one.close()
	return r.qmp.Do(ctx, "chardev-remove", map[string]any{"id": id}, nil)
}
