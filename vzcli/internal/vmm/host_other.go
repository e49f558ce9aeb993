//go:build !linux

package vmm

import (
	"context"
	"log/slog"
	"runtime"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/owner"
)

// wire is nothing: each machine has a network of its own.
func wire(Options) func() owner.Wiring { return nil }

// booted is nothing: no snapshots are made.
func booted(Options, *slog.Logger) func(owner.Template) { return nil }

// JoinsNetworks tells whether containers in machines join this host's networks.
func JoinsNetworks() bool { return false }

// Warm makes the snapshot that machines like spec start from, which only Linux has.
func Warm(context.Context, Options, WarmSpec) error {
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "snapshots that machines of containers start from, on %s: machines boot", runtime.GOOS)
}
