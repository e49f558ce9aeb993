package libct

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"
)

// Limits are resource limits of an init that are set late, after its seccomp
// filter is made: that takes more memory than they may leave.
type Limits []configs.Rlimit

func isLate(l configs.Rlimit) bool {
	return l.Type == unix.RLIMIT_AS || l.Type == unix.RLIMIT_DATA
}

// TakeLimits removes the late limits from p and returns them.
func TakeLimits(p *libcontainer.Process) Limits {
	var late Limits
	for _, l := range p.Rlimits {
		if isLate(l) {
			late = append(late, l)
		}
	}
	p.Rlimits = slices.DeleteFunc(p.Rlimits, isLate)
	return late
}

// Set sets the limits of a created container's init.
func (ls Limits) Set(pid int) error {
	for _, l := range ls {
		if err := unix.Prlimit(pid, l.Type, &unix.Rlimit{Cur: l.Soft, Max: l.Hard}, nil); err != nil {
			return fmt.Errorf("set resource limit %d: %w", l.Type, err)
		}
	}
	return nil
}
