package qemu

import (
	"os"
	"path/filepath"
)

// firmware returns the file of what runs before a guest's kernel, or nothing for QEMU's
// default. The quick one leaves PCI to the kernel, which with nine slots saved 0.2 s of an
// emulated boot; it is used where it was seen to work, which is not with KVM.
func (d *Driver) firmware(accelerator string) string {
	if accelerator != TCG || d.arch.firmware == "" {
		return ""
	}
	path := filepath.Join(filepath.Dir(d.program), "..", "share", "qemu", d.arch.firmware)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
