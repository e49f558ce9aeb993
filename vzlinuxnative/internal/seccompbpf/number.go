package seccompbpf

import (
	"fmt"
	"runtime"
	"sort"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

//go:generate go run gen.go

// A number is a system call's name and number.
type number struct {
	name string
	nr   uint16
}

// An arch is a calling convention that the kernel tells filters of.
type arch struct {
	audit uint32 // AUDIT_ARCH_*
	calls []number
	bit   uint32 // set in every number: x32's __X32_SYSCALL_BIT
}

const x32Bit = 0x40000000

// AUDIT_ARCH values, linux/audit.h.
const (
	auditX8664   = 0xc000003e
	auditI386    = 0x40000003
	auditAarch64 = 0xc00000b7
	auditARM     = 0x40000028
)

// archOf returns the convention that a name of the runtime spec means on this
// processor.
func archOf(a specs.Arch) (arch, error) {
	switch {
	case a == specs.ArchX86_64 && runtime.GOARCH == "amd64":
		return arch{audit: auditX8664, calls: native[:]}, nil
	case a == specs.ArchX32 && runtime.GOARCH == "amd64":
		return arch{audit: auditX8664, calls: native[:], bit: x32Bit}, nil
	case a == specs.ArchX86 && runtime.GOARCH == "amd64":
		return arch{audit: auditI386, calls: compat[:]}, nil
	case a == specs.ArchAARCH64 && runtime.GOARCH == "arm64":
		return arch{audit: auditAarch64, calls: native[:]}, nil
	case a == specs.ArchARM && runtime.GOARCH == "arm64":
		return arch{audit: auditARM, calls: compat[:]}, nil
	}
	return arch{}, fmt.Errorf("seccomp: architecture %s cannot run on %s", a, runtime.GOARCH)
}

// nativeArch is the spec's name of this processor.
func nativeArch() specs.Arch {
	if runtime.GOARCH == "arm64" {
		return specs.ArchAARCH64
	}
	return specs.ArchX86_64
}

// lookup finds a call by name.
func (a arch) lookup(name string) (uint32, bool) {
	i := sort.Search(len(a.calls), func(i int) bool { return a.calls[i].name >= name })
	if i == len(a.calls) || a.calls[i].name != name {
		return 0, false
	}
	return uint32(a.calls[i].nr) | a.bit, true
}
