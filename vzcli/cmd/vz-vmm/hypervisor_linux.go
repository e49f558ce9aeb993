package main

import (
	"cmp"

	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcore/qemu"
)

// hypervisor opens QEMU.
func hypervisor(arch, accelerator, run string) (vmm.Hypervisor, error) {
	d, err := qemu.New(qemu.Options{Arch: arch, Accelerator: accelerator, RunDir: run})
	if err != nil {
		return vmm.Hypervisor{}, err
	}
	return vmm.Hypervisor{Driver: d, Arch: cmp.Or(arch, qemu.HostArch()), Accelerator: d.Accelerator}, nil
}
