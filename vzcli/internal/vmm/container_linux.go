package vmm

import (
	"context"
	"log/slog"
	"os"

	"vz.internal/vzcore/qemu"
	"vz.internal/vzlinuxnative/network"
	joint "vz.internal/vzlinuxnative/network/machine"
	"vz.internal/vzoci/vmbackend/owner"
)

// RunContainer runs the machine of a container, whose id is opts.Name. One that had to
// boot has a snapshot made in the background, for the next ones to start from.
func RunContainer(ctx context.Context, opts Options) error {
	driver, err := qemu.New(qemu.Options{RunDir: opts.Registry.Run})
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	return owner.Run(ctx, owner.Options{
		Home: opts.Registry.Home, Run: opts.Registry.Run, Machine: opts.Name, Driver: driver, Arch: qemu.HostArch(), Ready: opts.Ready, Log: log,
		Wire: wire(opts),
		Cold: os.Getenv(WarmVariable) == "off",
		Booted: func(t owner.Template) {
			if err := spawnWarm(opts, t); err != nil {
				log.Warn("make a warm snapshot", "error", err)
			}
		},
	})
}

// wire gives machines their parts in the networks of this host.
func wire(opts Options) func() owner.Wiring {
	nets := network.Open(network.Below(opts.Registry.Home, opts.Registry.Run))
	return func() owner.Wiring { return joint.New(nets) }
}

// JoinsNetworks tells whether containers in machines join this host's networks.
func JoinsNetworks() bool { return joint.Available() == nil }
