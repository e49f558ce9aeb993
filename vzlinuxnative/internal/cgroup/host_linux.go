package cgroup

import (
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/systemd"

	"vz.internal/vzlinuxnative/internal/userns"
)

// Mode is how the host mounts cgroups.
type Mode string

// The modes.
const (
	V1     Mode = "v1"
	V2     Mode = "v2"
	Hybrid Mode = "hybrid" // version 1 controllers beside a version 2 tree
)

// HostMode returns the host's mode.
func HostMode() Mode {
	switch {
	case cgroups.IsCgroup2UnifiedMode():
		return V2
	case cgroups.IsCgroup2HybridMode():
		return Hybrid
	}
	return V1
}

// Driver is "systemd" where systemd runs the host, else "cgroupfs".
func Driver() string {
	if runsSystemd() {
		return "systemd"
	}
	return "cgroupfs"
}

// An ordinary user's containers are below a cgroup that was given to that user, and no
// unit of systemd's.
func runsSystemd() bool { return !userns.Inside() && systemd.IsRunningSystemd() }

// Controllers returns the controllers that containers can use, sorted.
func Controllers() []string { return slices.Clone(controllers()) }

var controllers = sync.OnceValue(func() []string {
	var found []string
	if userns.Inside() {
		found = delegatedControllers()
	} else if cgroups.IsCgroup2UnifiedMode() {
		b, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		// These two are not controllers in version 2 but always there.
		found = append(strings.Fields(string(b)), "devices", "freezer")
	} else if mounts, err := cgroups.GetCgroupMounts(true); err == nil {
		for _, m := range mounts {
			found = append(found, m.Subsystems...)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
})
