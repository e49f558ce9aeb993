package vzf

import (
	"context"
	"fmt"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos"
)

var _ macos.Framework = (*Driver)(nil)

// Latest implements macos.Framework.
func (d *Driver) Latest(ctx context.Context) (string, error) {
	return await(ctx, "ask Apple for its newest restore image", d.framework.latest)
}

// Requirements implements macos.Framework.
func (d *Driver) Requirements(ctx context.Context, path string) (macos.Requirements, error) {
	r, err := await(ctx, "read the restore image", func() (macos.Requirements, error) { return d.framework.requirements(path) })
	if err == nil && r.MinCPUs == 0 {
		err = vzcontract.Errorf(vzcontract.ErrUnsupported, "this Mac's macOS cannot run the macOS in it: update the Mac, or take an older one with --base (vz vm base list)")
	}
	return r, err
}

// Identify implements macos.Framework.
func (d *Driver) Identify(ctx context.Context, model []byte, path string) ([]byte, error) {
	return await(ctx, "make auxiliary storage", func() ([]byte, error) { return d.framework.identify(model, path) })
}

// Install implements macos.Framework. The installer's machine has the system's own
// network in place of the user network, which it does not need.
func (d *Driver) Install(ctx context.Context, cfg config.Config, path string, progress func(float64)) error {
	if cfg.Boot.Kind != config.BootMacOS {
		return vzcontract.Errorf(vzcontract.ErrValidation, "macOS is not installed on a machine that boots by %s", cfg.Boot.Kind)
	}
	if err := refuse(cfg); err != nil {
		return err
	}
	if cfg.Network.Kind == config.NetworkUser {
		cfg.Network = config.Network{Kind: config.NetworkNAT, MAC: cfg.Network.MAC}
	}
	if hasCard(cfg.Network) && cfg.Network.MAC == "" {
		cfg.Network.MAC = config.RandomMAC()
	}
	p, err := newPlan(cfg)
	if err != nil {
		return fmt.Errorf("plan the machine: %w", err)
	}
	return explain("run the installer", d.framework.install(ctx, p, path, progress))
}

// await does what cannot be interrupted; if ctx ends before, that goes on by itself.
func await[T any](ctx context.Context, doing string, act func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		value, err := act()
		done <- answer{value, err}
	}()
	select {
	case a := <-done:
		return a.value, explain(doing, a.err)
	case <-ctx.Done():
		var zero T
		return zero, fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
}
