//go:build linux

package program

import "debug/elf"

// x32 programs are 32-bit ELF files of nativeMachine.
const (
	nativeMachine = elf.EM_X86_64
	compatMachine = elf.EM_386
)
