//go:build linux

package program

import "debug/elf"

const (
	nativeMachine = elf.EM_AARCH64
	compatMachine = elf.EM_ARM
)
