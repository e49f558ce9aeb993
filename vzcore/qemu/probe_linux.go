package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vz.internal/vzcore/config"
)

// probeTime is how long a guest may take to show that KVM works.
const probeTime = 5 * time.Second

// A verdict is whether KVM works, remembered for one boot of the host.
type verdict struct {
	Boot    string `json:"boot_id"`
	Program string `json:"program"` // with its modification time
	Works   bool   `json:"works"`
	Reason  string `json:"reason,omitempty"`
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
	if v, ok := d.remembered(); ok {
		return v.Works, v.Reason, nil
	}
	v := verdict{Boot: bootID(), Program: d.stamp()}
	v.Works, v.Reason, err = d.try(ctx, cfg)
	if err != nil {
		return false, "", err
	}
	d.remember(v)
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

func (d *Driver) file() string { return filepath.Join(d.run, "kvm-"+d.arch.name+".json") }

func (d *Driver) remembered() (verdict, bool) {
	var v verdict
	if d.run == "" {
		return v, false
	}
	text, err := os.ReadFile(d.file())
	if err != nil || json.Unmarshal(text, &v) != nil {
		return v, false
	}
	return v, v.Boot == bootID() && v.Program == d.stamp()
}

// remember keeps a verdict. That it could not only costs time.
func (d *Driver) remember(v verdict) {
	if d.run == "" {
		return
	}
	text, err := json.Marshal(v)
	if err != nil || os.MkdirAll(d.run, 0o700) != nil {
		return
	}
	next := fmt.Sprintf("%s.%d", d.file(), os.Getpid())
	if os.WriteFile(next, text, 0o600) == nil {
		_ = os.Rename(next, d.file())
	}
}

func (d *Driver) stamp() string {
	info, err := os.Stat(d.program)
	if err != nil {
		return d.program
	}
	return fmt.Sprintf("%s %d", d.program, info.ModTime().UnixNano())
}

func bootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
