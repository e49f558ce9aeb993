package network

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// whole lists again when what it lists has changed under way, which the kernel
// says with NLM_F_DUMP_INTR. On a busy host interfaces and routes come and go all
// the time, so it gives up after many tries only.
func whole[T any](list func() (T, error)) (all T, err error) {
	for range 1000 {
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return all, err
}
