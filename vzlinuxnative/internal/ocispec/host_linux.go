package ocispec

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/program"
	"vz.internal/vzlinuxnative/internal/userdb"
	"vz.internal/vzlinuxnative/internal/userns"
)

// A host is all that a spec depends on besides its input.
type host struct {
	hostname     string
	known        []string // capabilities of the kernel, CAP_…
	bounding     map[string]bool
	hardLimit    func(resource int) (uint64, error)
	oomScoreAdj  int
	throttlePath func() []string // per processor, masked
	rroMounts    bool            // recursively read-only mounts (Linux 5.12)
	cgroup       cgroup.Host
	appArmor     appArmorHost
	lookupUser   func(root, user string, groups []string) (userdb.User, error)
	findProgram  func(program.Query) (program.Kind, error)
	device       func(path string) ([]device, error)
	allDevices   func() ([]device, error)
	isProc       func(path string) bool // of the proc file system
	userns       bool                   // this is a user namespace besides the initial one
	hasUser      func(id uint32) bool
	hasGroup     func(id uint32) bool
	groupsFixed  bool // no process here may choose its supplementary groups
}

func (h host) has(c string) bool { return h.bounding[c] }

// rules reports whether a capability works on what is the host's, not of a namespace.
func (h host) rules(c string) bool { return h.has(c) && !h.userns }

var throttlePaths = sync.OnceValue(func() []string {
	paths, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle") // the pattern is right
	return paths
})

// thisHost returns the facts of this machine and process, found once.
var thisHost = sync.OnceValues(findHost)

func findHost() (host, error) {
	h := host{
		hardLimit: hardLimit, cgroup: cgroup.ThisHost(), appArmor: thisAppArmor,
		lookupUser: userdb.Lookup, findProgram: program.Find,
		device: hostDevice, allDevices: hostDevices, isProc: onProc,
		rroMounts: kernelHasMountSetattr(),
		userns:    userns.Inside(), hasUser: userns.HasUser, hasGroup: userns.HasGroup, groupsFixed: userns.GroupsFixed(),
	}
	h.hostname, _ = os.Hostname()
	if err := h.readCapabilities(); err != nil {
		return host{}, fmt.Errorf("read capabilities: %w", err)
	}
	b, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return host{}, err
	}
	if h.oomScoreAdj, err = strconv.Atoi(strings.TrimSpace(string(b))); err != nil {
		return host{}, fmt.Errorf("read oom_score_adj: %w", err)
	}
	h.throttlePath = throttlePaths
	return h, nil
}

func (h *host) readCapabilities() error {
	all, err := capability.ListSupported()
	if err != nil {
		return err
	}
	h.bounding = make(map[string]bool, len(all))
	for _, c := range all {
		name := capName(c)
		h.known = append(h.known, name)
		set, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
		if err != nil {
			return err
		}
		h.bounding[name] = set == 1
	}
	return nil
}

func capName(c capability.Cap) string { return "CAP_" + strings.ToUpper(c.String()) }

func hardLimit(resource int) (uint64, error) {
	var l unix.Rlimit
	if err := unix.Prlimit(0, resource, nil, &l); err != nil {
		return 0, err
	}
	return l.Max, nil
}

func onProc(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
}

func kernelHasMountSetattr() bool {
	return unix.MountSetattr(-1, "", unix.AT_EMPTY_PATH, &unix.MountAttr{}) != unix.ENOSYS
}
