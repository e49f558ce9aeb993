//go:build !linux

package main

import (
	"context"

	"vz.internal/vzcli/internal/vmm"
	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/vzf"
)

// guestArch is that of all guests: the framework does not translate.
const guestArch = "arm64"

// hypervisor opens Virtualization.framework.
func hypervisor(arch, accelerator, _ string) (vmm.Hypervisor, error) {
	if arch != "" && arch != guestArch {
		return vmm.Hypervisor{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "guests of the architecture %q: Virtualization.framework runs those of the Mac, %s", arch, guestArch)
	}
	if accelerator != "" {
		return vmm.Hypervisor{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "the accelerator %q: it is QEMU's, on Linux", accelerator)
	}
	d, err := vzf.New()
	if err != nil {
		return vmm.Hypervisor{}, err
	}
	by := func(context.Context, config.Config) (string, error) { return d.Name(), nil }
	return vmm.Hypervisor{Driver: d, Arch: guestArch, Accelerator: by}, nil
}
