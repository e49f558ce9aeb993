package vmm

import (
	"log/slog"

	"vz.internal/vzlinuxnative/network"
	joint "vz.internal/vzlinuxnative/network/machine"
	"vz.internal/vzoci/vmbackend/owner"
)

// wire gives machines their parts in the networks of this host.
func wire(opts Options) func() owner.Wiring {
	nets := network.Open(network.Below(opts.Registry.Home, opts.Registry.Run))
	return func() owner.Wiring { return joint.New(nets) }
}

// booted has a snapshot made of a machine that had to boot.
func booted(opts Options, log *slog.Logger) func(owner.Template) {
	return func(t owner.Template) {
		if err := spawnWarm(opts, t); err != nil {
			log.Warn("make a warm snapshot", "error", err)
		}
	}
}

// JoinsNetworks tells whether containers in machines join this host's networks.
func JoinsNetworks() bool { return joint.Available() == nil }
