package vmm

import (
	"context"

	"vz.internal/vzcore/qemu"
	"vz.internal/vzlinuxnative/network"
	joint "vz.internal/vzlinuxnative/network/machine"
	"vz.internal/vzoci/vmbackend/owner"
)

// RunContainer runs the machine of a container, whose id is opts.Name.
func RunContainer(ctx context.Context, opts Options) error {
	driver, err := qemu.New(qemu.Options{RunDir: opts.Registry.Run})
	if err != nil {
		return err
	}
	nets := network.Open(network.Below(opts.Registry.Home, opts.Registry.Run))
	return owner.Run(ctx, owner.Options{
		Home: opts.Registry.Home, Run: opts.Registry.Run, Machine: opts.Name, Driver: driver, Arch: qemu.HostArch(), Ready: opts.Ready,
		Wire: func() owner.Wiring { return joint.New(nets) },
	})
}
