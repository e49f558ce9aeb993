package vzf

import (
	"context"
	"fmt"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
)

// The releases of macOS that matter.
const (
	minRelease    = 14 // the oldest that the driver runs on
	nestedRelease = 15 // virtualisation within guests, also a matter of the processor
)

// A Driver opens machines that Virtualization.framework runs. Methods are safe for
// concurrent use.
type Driver struct{ framework framework }

var _ vzcore.Driver = (*Driver)(nil)

// New returns a driver. Where there is no Virtualization.framework, or only an older one
// than that of macOS 14, or one for Intel processors, the error matches
// vzcontract.ErrUnsupported and says what is needed. Whether the program is signed as it
// must be shows only when a machine starts.
func New() (*Driver, error) {
	f, err := virtualization()
	if err != nil {
		return nil, err
	}
	return newDriver(f)
}

func newDriver(f framework) (*Driver, error) {
	release, err := f.release()
	if err != nil {
		return nil, err
	}
	if release < minRelease {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "macOS %d: virtual machines need macOS %d or newer", release, minRelease)
	}
	return &Driver{f}, nil
}

// Name implements vzcore.Driver.
func (d *Driver) Name() string { return "vzf" }

// Version implements vzcore.Driver: the release of macOS and its build.
func (d *Driver) Version(context.Context) (string, error) {
	v, err := d.framework.version()
	if err != nil {
		return "", err
	}
	return "Virtualization.framework of macOS " + v, nil
}

// Nested says why guests cannot run guests, or nil if they can.
func (d *Driver) Nested() error {
	release, err := d.framework.release()
	switch {
	case err != nil:
		return err
	case release < nestedRelease:
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "macOS %d: virtualisation within guests needs macOS %d and an M3 or newer", release, nestedRelease)
	case !d.framework.nested():
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "virtualisation within guests: this Mac's processor cannot; it needs an M3 or newer")
	}
	return nil
}

// Open implements vzcore.Driver.
func (d *Driver) Open(cfg config.Config, dir string) (vzcore.Machine, error) {
	if err := refuse(cfg); err != nil {
		return nil, err
	}
	if cfg.Nested {
		if err := d.Nested(); err != nil {
			return nil, err
		}
	}
	if hasCard(cfg.Network) && cfg.Network.MAC == "" {
		cfg.Network.MAC = config.RandomMAC()
	}
	p, err := newPlan(cfg)
	if err != nil {
		return nil, fmt.Errorf("plan the machine: %w", err)
	}
	return newMachine(d, cfg, p), nil
}
