package cgroup

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/userns"
)

// unified is where the tree of version 2 is.
const unified = "/sys/fs/cgroup"

// Base is the cgroup below which containers have theirs: "/", or what an ordinary user
// was given. Where [Denied] tells a reason it is "".
func Base() string { return delegated().base }

// Denied tells why containers here have no cgroups, and what to do about it; "" where
// they have. Without one there are no limits, no pause and no counters of a container.
func Denied() string {
	d := delegated()
	if d.denied == "" {
		return ""
	}
	return d.denied + "; " + d.remedy
}

// Explain is Denied in two parts.
func Explain() (reason, remedy string) { return delegated().denied, delegated().remedy }

type delegation struct{ base, denied, remedy string }

var delegated = sync.OnceValue(func() delegation {
	if !userns.Inside() {
		return delegation{base: "/"}
	}
	if !cgroups.IsCgroup2UnifiedMode() {
		return delegation{denied: "this host has cgroups of version 1, which ordinary users cannot use", remedy: "boot it with systemd.unified_cgroup_hierarchy=1"}
	}
	own, err := ownCgroup()
	if err != nil {
		return delegation{denied: err.Error(), remedy: "use a kernel with CONFIG_CGROUPS"}
	}
	if base := highestOwned(unified, own); base != "" {
		return delegation{base: base}
	}
	return delegation{
		denied: fmt.Sprintf("cgroup %s was not given to this user", own),
		remedy: "run vz below the user's systemd, as with systemd-run --user --scope vz …",
	}
})

// ownCgroup is the path of this process's cgroup of version 2.
func ownCgroup() (string, error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if own, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path.Clean(own), nil
		}
	}
	return "", fmt.Errorf("/proc/self/cgroup names no cgroup of version 2")
}

// highestOwned returns the cgroup nearest to the root, own or one above it, in which this
// process may make others, enable controllers and move processes; "" if there is none.
// One that has processes of its own cannot have limited children.
func highestOwned(root, own string) string {
	highest := ""
	for at := own; at != "/" && at != "."; at = path.Dir(at) {
		dir := filepath.Join(root, at)
		for _, file := range []string{".", "cgroup.procs", "cgroup.subtree_control"} {
			if unix.Access(filepath.Join(dir, file), unix.W_OK) != nil {
				return highest
			}
		}
		if procs, err := os.ReadFile(filepath.Join(dir, "cgroup.procs")); err == nil && len(procs) == 0 {
			highest = at
		}
	}
	return highest
}

// delegatedControllers are those that containers of an ordinary user can have.
func delegatedControllers() []string {
	if Base() == "" {
		return nil
	}
	b, _ := os.ReadFile(filepath.Join(unified, Base(), "cgroup.controllers"))
	return append(strings.Fields(string(b)), "freezer")
}
