package qemu

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// newMemory returns a guest's memory: a file without a name, which goes when QEMU and
// this process have. Nobody who has it can change its size, so that no access to it
// fails because of another process.
func newMemory(size uint64) (*os.File, error) {
	fd, err := unix.MemfdCreate("vz-guest", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "guest memory")
	err = f.Truncate(int64(size))
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("make the guest's memory: %w", err)
	}
	return f, nil
}
