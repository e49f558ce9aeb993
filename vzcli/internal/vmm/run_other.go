//go:build !linux

package vmm

import (
	"context"
	"runtime"

	"vz.internal/vzcli/internal/vmrecord"
	"vz.internal/vzcontract"
)

// Options says what to run.
type Options struct {
	Registry vmrecord.Registry
	Name     string
	Restore  string
	Renew    bool
	Ready    func()
}

// Run needs a driver, which this system does not have yet.
func Run(context.Context, Options) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "virtual machines on %s", runtime.GOOS)
}

// Warm is Run for snapshots that machines of containers start from.
func Warm(context.Context, Options, WarmSpec) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "containers in virtual machines on this system")
}

// RunContainer is Run for the machine of a container.
func RunContainer(context.Context, Options) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "containers in virtual machines on this system")
}

// JoinsNetworks tells whether containers in machines join this host's networks.
func JoinsNetworks() bool { return false }
