package qemu

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
)

// A Driver opens machines that QEMU runs.
type Driver struct {
	arch        arch
	program     string
	accelerator string // empty is to be found out
	shares      string // file system of shares; empty is to be found out
	run         string // directory of what is remembered until the host restarts

	mu      sync.Mutex
	version map[string]string // guarded by mu: what a program says of itself, by its stamp
}

var _ vzcore.Driver = (*Driver)(nil)

// New returns a driver, or an error that matches vzcontract.ErrUnsupported and says
// what to install.
func New(opts Options) (*Driver, error) {
	if opts.Arch == "" {
		opts.Arch = HostArch()
	}
	a, ok := arches[opts.Arch]
	if !ok {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "guests of the architecture %q: x86_64 and arm64 are known", opts.Arch)
	}
	program, err := exec.LookPath(a.program)
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "%s is not installed (Debian: apt-get install %s)", a.program,
			map[string]string{"x86_64": "qemu-system-x86", "arm64": "qemu-system-arm"}[a.name])
	}
	switch opts.Accelerator {
	case "", KVM, TCG:
	default:
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "the accelerator %q: kvm and tcg are known", opts.Accelerator)
	}
	switch opts.Shares {
	case "", Virtiofs, NineP:
	default:
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "shares by %q: virtiofs and 9p are known", opts.Shares)
	}
	if a.clock != nil && opts.Accelerator != KVM {
		go tickRate() // it takes a moment, and is needed when a machine starts
	}
	return &Driver{arch: a, program: program, accelerator: opts.Accelerator, shares: opts.Shares, run: opts.RunDir}, nil
}

// Name implements vzcore.Driver.
func (d *Driver) Name() string { return "qemu" }

// Version implements vzcore.Driver.
func (d *Driver) Version(ctx context.Context) (string, error) {
	stamp := d.stamp()
	d.mu.Lock()
	defer d.mu.Unlock()
	if v, ok := d.version[stamp]; ok {
		return v, nil
	}
	var line string
	if d.recall("version", &line) {
		d.version = map[string]string{stamp: line}
		return line, nil
	}
	out, err := exec.CommandContext(ctx, d.program, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", d.program, err)
	}
	line, _, _ = strings.Cut(string(out), "\n")
	line = d.arch.name + " " + line
	d.version = map[string]string{stamp: line}
	d.remember("version", line)
	return line, nil
}

// Open implements vzcore.Driver.
func (d *Driver) Open(cfg config.Config, dir string) (vzcore.Machine, error) {
	refuse := func(what string) error {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "the qemu driver does not do %s", what)
	}
	switch {
	case cfg.Boot.Kind != config.BootLinux:
		return nil, refuse("guests that boot by " + cfg.Boot.Kind)
	case cfg.Network.Kind == config.NetworkNAT:
		return nil, refuse("a nat network; use user")
	case cfg.Display != nil:
		return nil, refuse("displays")
	case cfg.Rosetta:
		return nil, refuse("Rosetta")
	case cfg.Nested:
		return nil, refuse("virtualisation within the guest")
	case d.shareKind() == NineP && slices.ContainsFunc(cfg.Shares, config.Share.Composed):
		return nil, refuse("shares of several directories by 9p: they need virtiofsd, and root")
	case strings.Contains(dir, "\n"):
		return nil, refuse("directories with a line feed in their name")
	}
	if cfg.Network.Kind == config.NetworkUser && cfg.Network.MAC == "" {
		cfg.Network.MAC = config.RandomMAC()
	}
	return newMachine(d, cfg, dir)
}
