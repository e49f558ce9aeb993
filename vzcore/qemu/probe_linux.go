package qemu

import (
	"context"
	"fmt"
	"os"
	"time"

	"vz.internal/vzcore/config"
)

// probeTime is how long a guest may take to show that KVM works.
const probeTime = 5 * time.Second

// A verdict is whether KVM works, remembered for one boot of the host.
type verdict struct {
	Works  bool   `json:"works"`
	Reason string `json:"reason,omitempty"`
}

// Accelerator returns KVM if a guest was seen to run with it, else TCG. That
// /dev/kvm can be opened proves nothing, so the kernel of cfg is booted without
// anything to run, which ends in its panic and restart within the time limit, or
// does not.
func (d *Driver) Accelerator(ctx context.Context, cfg config.Config) (string, error) {
	if d.accelerator != "" {
		return d.accelerator, nil
	}
	works, _, err := d.Probe(ctx, cfg)
	if err != nil {
		return "", err
	}
	if works {
		return KVM, nil
	}
	return TCG, nil
}

// Probe tells whether KVM works and if not, why.
func (d *Driver) Probe(ctx context.Context, cfg config.Config) (works bool, reason string, err error) {
	if d.arch.goarch != map[string]string{"x86_64": "amd64", "arm64": "arm64"}[HostArch()] {
		return false, "the guest's architecture is not the host's", nil
	}
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false, err.Error(), nil
	}
	_ = f.Close()
	var v verdict
	if d.recall("kvm", &v) {
		return v.Works, v.Reason, nil
	}
	v.Works, v.Reason, err = d.try(ctx, cfg)
	if err != nil {
		return false, "", err
	}
	d.remember("kvm", v)
	return v.Works, v.Reason, nil
}

func (d *Driver) try(ctx context.Context, cfg config.Config) (works bool, reason string, err error) {
	p, err := spawn(d.program, []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", d.arch.machine + ",accel=kvm", "-cpu", d.arch.cpu[KVM],
		"-m", "256M", "-kernel", cfg.Boot.Kernel, "-append", "panic=-1 quiet",
	})
	if err != nil {
		return false, "", err
	}
	defer p.kill()
	limit := time.NewTimer(probeTime)
	defer limit.Stop()
	select {
	case <-p.done:
		if p.err == nil {
			return true, "", nil
		}
		return false, p.failure().Error(), nil
	case <-limit.C:
		return false, fmt.Sprintf("a guest did not start within %s", probeTime), nil
	case <-ctx.Done():
		return false, "", ctx.Err()
	}
}
