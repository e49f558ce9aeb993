package vzf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
)

// The files of a saved machine.
const (
	stateFile  = "state" // the framework's, encrypted for this Mac and user
	deviceFile = "device.json"
)

// A device is what a restored guest must have of the saved one, beyond what the
// configuration says: the framework takes no other.
type device struct {
	Identity []byte `json:"identity,omitempty"`
	MAC      string `json:"mac,omitempty"`
}

// Save implements vzcore.Saver. Of a machine that was saved and is then stopped nothing
// is torn down before the process ends.
func (m *machine) Save(ctx context.Context, dir string) error {
	r, err := m.present()
	if err != nil {
		return err
	}
	if err := r.guest.savable(); err != nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "save: Virtualization.framework does not save a machine like this one: %w", err)
	}
	if paused, _ := r.noted(); !paused {
		if err := r.pause(ctx); err != nil {
			return err
		}
	}
	d := device{Identity: r.guest.identity(), MAC: m.plan.mac.String()}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, deviceFile), text, 0o600); err != nil {
		return err
	}
	path := filepath.Join(dir, stateFile)
	if err := r.do(ctx, "save", func() error { return r.guest.save(path) }, func() error { return os.RemoveAll(path) }); err != nil {
		return err
	}
	r.note(true, true)
	return os.Chmod(path, 0o600)
}

// Restore implements vzcore.Saver. The card has the saved one's address until the guest
// changes it.
func (m *machine) Restore(ctx context.Context, dir string) (<-chan error, error) {
	text, err := os.ReadFile(filepath.Join(dir, deviceFile))
	if err != nil {
		return nil, err
	}
	var d device
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%w: %s: %v", vzcore.ErrDamaged, filepath.Join(dir, deviceFile), err)
	}
	p := m.plan
	if len(p.boot.identity) == 0 {
		p.boot.identity = d.Identity
	}
	if p.mac != nil {
		if p.mac, err = net.ParseMAC(d.MAC); err != nil {
			return nil, fmt.Errorf("%w: %s: %v", vzcore.ErrDamaged, filepath.Join(dir, deviceFile), err)
		}
	}
	exited, err := m.begin(ctx, p, "restore", func(g guest) error { return g.restore(filepath.Join(dir, stateFile)) })
	if err != nil {
		return nil, err
	}
	r, err := m.present()
	if err != nil { // it has ended at once
		return nil, errors.Join(err, <-exited)
	}
	r.note(true, false)
	return exited, nil
}

// Facts implements vzcore.Describer: what is saved is encrypted for one user of one Mac.
func (m *machine) Facts(context.Context) (map[string]string, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	u, err := user.Current()
	if err != nil {
		return nil, err
	}
	return map[string]string{"Mac": host, "user": u.Uid}, nil
}
