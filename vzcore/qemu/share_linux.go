package qemu

import (
	"context"
	"errors"
	"os"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

// A share is a directory that the guest has, with the process that serves it.
type share struct {
	slot   int
	daemon *process
	mounts *mounts // of one that grows, else nil
}

func (s *share) close() {
	if s.daemon != nil {
		s.daemon.kill()
	}
	if s.mounts != nil {
		s.mounts.close()
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

// Kind implements vzcore.Sharer.
func (m *machine) Kind(tag string) string {
	m.mu.Lock()
	r := m.run
	m.mu.Unlock()
	if r == nil {
		return ""
	}
	if m.driver.shareKind() == NineP && slices.ContainsFunc(m.config.Shares, func(s config.Share) bool { return s.Tag == tag }) {
		return NineP
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shares[tag] != nil {
		return Virtiofs
	}
	return ""
}

// plugAll plugs what the configuration shares.
func (m *machine) plugAll(ctx context.Context, r *run) error {
	for _, s := range m.config.Shares {
		if m.Kind(s.Tag) == NineP {
			continue
		}
		if _, err := m.plug(ctx, r, s); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) plug(ctx context.Context, r *run, s config.Share) (kind string, err error) {
	if m.Kind(s.Tag) != "" {
		return "", vzcontract.Errorf(vzcontract.ErrConflict, "the share %q is plugged", s.Tag)
	}
	if err := present(s); err != nil {
		return "", err
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
	r.mu.Lock()
	r.shares[s.Tag] = one
	r.mu.Unlock()
	return Virtiofs, nil
}

// present looks whether what s shares exists. Entries may be files.
func present(s config.Share) error {
	for _, e := range s.Entries {
		if _, err := os.Stat(e.Source); err != nil {
			return vzcontract.Errorf(vzcontract.ErrNotFound, "%w", err)
		}
	}
	if s.Composed() {
		return nil
	}
	info, err := os.Stat(s.Source)
	if err != nil {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "%w", err)
	}
	if !info.IsDir() {
		return vzcontract.Errorf(vzcontract.ErrValidation, "share %s: it is no directory", s.Source)
	}
	return nil
}

func (r *run) plugVirtiofs(ctx context.Context, one *share, s config.Share, dir string) error {
	connection, err := serveShare(one, s, dir)
	if err != nil {
		return err
	}
	defer connection.Close()
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
	if m.Kind(tag) == NineP {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "unplug %s: a 9p share stays until the machine ends", tag)
	}
	r.mu.Lock()
	one := r.shares[tag]
	r.mu.Unlock()
	if one == nil {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "there is no share %q", tag)
	}
	id := "share-" + tag
	if err := m.removeDevice(ctx, r, id, one.slot); err != nil {
		return err
	}
	r.mu.Lock()
	delete(r.shares, tag)
	r.mu.Unlock()
	r.slots[one.slot] = false
	one.close()
	return r.qmp.Do(ctx, "chardev-remove", map[string]any{"id": id}, nil)
}
