package vhostuser

import (
	"errors"
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// maxRegions is how many pieces the guest's memory may have.
const maxRegions = 8

// A region is a piece of the guest's memory that is mapped here.
type region struct {
	guest uint64 // its address in the guest
	user  uint64 // its address in QEMU
	bytes []byte
}

// memory is all of the guest's memory.
type memory []region

// newMemory maps what a memory table names. It closes the descriptors in any case.
func newMemory(table []byte, fds []int) (memory, error) {
	defer closeFDs(fds)
	if len(table) < 8 {
		return nil, errors.New("memory table: too short")
	}
	n := int(le.Uint32(table))
	if n < 1 || n > maxRegions || n != len(fds) || len(table) < 8+32*n {
		return nil, fmt.Errorf("memory table: %d regions with %d descriptors in %d bytes", n, len(fds), len(table))
	}
	var m memory
	for i, fd := range fds {
		entry := table[8+32*i:]
		r, err := mapRegion(fd, le.Uint64(entry), le.Uint64(entry[8:]), le.Uint64(entry[16:]), le.Uint64(entry[24:]))
		if err != nil {
			m.unmap()
			return nil, fmt.Errorf("memory table: region %d: %w", i, err)
		}
		m = append(m, r)
	}
	return m, nil
}

func mapRegion(fd int, guest, size, user, offset uint64) (region, error) {
	const most = 1 << 46
	if size == 0 || size > most || offset > most || guest > math.MaxUint64-size || user > math.MaxUint64-size || offset%uint64(os.Getpagesize()) != 0 {
		return region{}, fmt.Errorf("%d bytes at %#x, offset %#x", size, guest, offset)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return region{}, err
	}
	// Access beyond the end of the file would be a signal, not an error.
	if uint64(st.Size) < offset+size {
		return region{}, fmt.Errorf("the file has %d bytes, not %d", st.Size, offset+size)
	}
	bytes, err := unix.Mmap(fd, int64(offset), int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return region{}, os.NewSyscallError("mmap", err)
	}
	return region{guest: guest, user: user, bytes: bytes}, nil
}

func (m memory) unmap() {
	for _, r := range m {
		_ = unix.Munmap(r.bytes)
	}
}

// guest returns n bytes at an address of the guest, or nil if these are not all
// in one region.
func (m memory) guest(address uint64, n uint32) []byte {
	for _, r := range m {
		if s := within(r.bytes, r.guest, address, uint64(n)); s != nil {
			return s
		}
	}
	return nil
}

// user is guest for addresses of QEMU, of which the rings' are.
func (m memory) user(address uint64, n uint32) []byte {
	for _, r := range m {
		if s := within(r.bytes, r.user, address, uint64(n)); s != nil {
			return s
		}
	}
	return nil
}

func within(bytes []byte, start, address, n uint64) []byte {
	size := uint64(len(bytes))
	if address < start || n == 0 {
		return nil
	}
	if off := address - start; off < size && n <= size-off {
		return bytes[off : off+n : off+n]
	}
	return nil
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
