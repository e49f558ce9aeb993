// Package reaper is the process 1 of a container with --init: it starts the
// workload, passes signals on to it, and reaps what nobody else does. It is a
// static program of about a kilobyte, compiled into this one (init_linux.c) and
// written out for each container.
package reaper

// #cgo CFLAGS: -O2 -Wall -Wextra -fno-stack-protector -fno-asynchronous-unwind-tables
// #include "init_linux.h"
import "C"

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"
	"unsafe"
)

// Path is where the reaper is inside a container.
const Path = "/dev/init"

// DefaultPath is the PATH of a workload that has none.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// loadAddress is where the program's file lies in memory.
const loadAddress = 0x400000

// Program returns the reaper as an ELF file. It tries the paths for the
// workload's program.
func Program(paths []string) []byte {
	var size, entry C.ulong
	start := C.vz_init_text(&size, &entry)
	text := unsafe.Slice((*byte)(start), int(size))
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machines[runtime.GOARCH]), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2,
	}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB)
	header.Ident[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	list := strings.Join(paths, "\x00") + "\x00\x00"
	offset := C.VZ_INIT_PATHS - loadAddress + uint64(len(list))
	offset = (offset + 63) &^ 63 // the text keeps its alignment
	header.Entry = loadAddress + offset + uint64(entry)
	whole := offset + uint64(size)
	segments := []elf.Prog64{
		{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: loadAddress, Paddr: loadAddress,
			Filesz: whole, Memsz: whole, Align: 0x10000,
		},
		{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W), Align: 16},
	}
	var file bytes.Buffer
	for _, v := range []any{header, segments} {
		_ = binary.Write(&file, binary.LittleEndian, v) // a buffer takes everything
	}
	file.WriteString(list)
	file.Write(make([]byte, offset-uint64(file.Len())))
	file.Write(text)
	return file.Bytes()
}

// Write writes the reaper of a workload to a file. The program is looked for in
// the PATH of env.
func Write(file string, argv, env []string) error {
	if err := os.WriteFile(file, Program(paths(argv[0], env)), 0o755); err != nil {
		return fmt.Errorf("write the reaper: %w", err)
	}
	return nil
}

// Args returns the reaper's arguments for a workload.
func Args(argv []string) []string { return append([]string{Path, "--"}, argv...) }

func paths(name string, env []string) []string {
	if strings.Contains(name, "/") {
		return []string{name}
	}
	var all []string
	for dir := range strings.SplitSeq(searchPath(env), ":") {
		if dir == "" {
			dir = "."
		}
		all = append(all, path.Join(dir, name))
	}
	return all
}

func searchPath(env []string) string {
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			return v
		}
	}
	return DefaultPath
}
