package qemu

import "runtime"

// Options says how a Driver works.
type Options struct {
	Arch        string // x86_64 or arm64; empty is the host's
	Accelerator string // KVM or TCG; empty is KVM if it works
	Shares      string // Virtiofs or NineP; empty is virtiofs where it can run
	RunDir      string // where it is remembered whether KVM works; empty forgets it
}

// The file systems by which shares are mounted.
const (
	Virtiofs = "virtiofs"
	NineP    = "9p"
)

// HostArch is the host's architecture as kernels call it.
func HostArch() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}
