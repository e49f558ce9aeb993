package nft

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets and numbers of the kernel's ip_tables.h.
const (
	legacyHook     = 2 // FORWARD
	legacyInfo     = 64
	legacyEntries  = 65
	legacyInfoSize = 84
	legacyHeader   = 40
	verdictDrop    = -1 // -NF_DROP - 1
)

// legacyDrops tells whether the FORWARD chain of the old iptables drops by its
// policy and no rule of its table names the bridge. It is asked only when the
// table exists, since asking would make it.
func legacyDrops(bridge string) bool {
	tables, err := os.ReadFile("/proc/thread-self/net/ip_tables_names")
	if err != nil || !slices.Contains(strings.Fields(string(tables)), "filter") {
		return false
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	info := make([]byte, legacyInfoSize)
	copy(info, "filter")
	if getsockopt(fd, legacyInfo, info) != nil {
		return false
	}
	order := binary.NativeEndian
	policy, size := order.Uint32(info[36+20+4*legacyHook:]), order.Uint32(info[80:])
	if size > 64<<20 {
		return false
	}
	table := make([]byte, legacyHeader+size)
	copy(table, "filter")
	order.PutUint32(table[32:], size)
	if getsockopt(fd, legacyEntries, table) != nil {
		return false
	}
	entries := table[legacyHeader:]
	if uint64(policy)+112 > uint64(len(entries)) {
		return false
	}
	verdict := uint64(policy) + uint64(order.Uint16(entries[policy+88:])) + 32
	if verdict+4 > uint64(len(entries)) {
		return false
	}
	return int32(order.Uint32(entries[verdict:])) == verdictDrop && !bytes.Contains(entries, append([]byte(bridge), 0))
}

func getsockopt(fd, option int, value []byte) error {
	length := uint32(len(value))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_IP, uintptr(option),
		uintptr(unsafe.Pointer(&value[0])), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
