package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// A Host is what limits are checked against.
type Host struct {
	Mode        Mode
	Controllers func() []string
	// Denied tells why there are no cgroups for containers; "" where there are.
	Denied string
	// HasFile reports whether cgroups of a controller have a file.
	HasFile func(controller, file string) bool
	// Available returns the list of processors ("cpus") or memory nodes ("mems")
	// that there are, or "" where that is not known.
	Available func(kind string) string
	// Device returns the number of the block device at path.
	Device func(path string) (major, minor int64, err error)
}

// ThisHost returns the facts of this machine.
func ThisHost() Host {
	return Host{Mode: HostMode(), Controllers: controllers, Denied: Denied(), HasFile: hasFile, Available: available, Device: blockDevice}
}

// hasFile looks at the root and at the children of a hierarchy, for some files
// are not on the root. Version 2 shows them only where a controller is
// enabled; with no such place to look at, the answer is yes and the kernel's
// own refusal decides.
func hasFile(controller, file string) bool {
	dir, marker := "/sys/fs/cgroup", controller+".stat"
	if !cgroups.IsCgroup2UnifiedMode() {
		marker = ""
		dir = mountpoint(controller)
	}
	if dir == "" {
		return false
	}
	if cgroups.PathExists(filepath.Join(dir, file)) {
		return true
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*", file)); len(found) > 0 {
		return true
	}
	if marker == "" {
		return !hasChildren(dir)
	}
	found, _ := filepath.Glob(filepath.Join(dir, "*", marker))
	return len(found) == 0
}

func hasChildren(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(entries, fs.DirEntry.IsDir)
}

// mountpoint returns where a version 1 controller is mounted.
func mountpoint(controller string) string {
	mounts, err := cgroups.GetCgroupMounts(true)
	if err != nil {
		return ""
	}
	for _, m := range mounts {
		if slices.Contains(m.Subsystems, controller) {
			return m.Mountpoint
		}
	}
	return ""
}

func blockDevice(path string) (major, minor int64, err error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0, 0, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return 0, 0, errors.New("not a block device")
	}
	return int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev)), nil
}

// Limits turns r into a spec's resources. A value out of range is
// ErrValidation; a limit whose controller or file this kernel lacks is
// ErrUnsupported, with the reason.
func (h Host) Limits(r vzcontract.Resources) (*specs.LinuxResources, error) {
	out := new(specs.LinuxResources)
	for _, add := range []func(vzcontract.Resources, *specs.LinuxResources) error{h.cpu, h.memory, h.pids, h.blockIO} {
		if err := add(r, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (h Host) pids(r vzcontract.Resources, out *specs.LinuxResources) error {
	if r.PidsLimit == 0 {
		return nil
	}
	if r.PidsLimit < -1 {
		return invalid("pids limit %d: give a number of tasks, or -1 for no limit", r.PidsLimit)
	}
	if err := h.need("pids", "pids limit"); err != nil {
		return err
	}
	out.Pids = &specs.LinuxPids{Limit: &r.PidsLimit}
	return nil
}

// need refuses a limit whose controller is missing.
func (h Host) need(controller, limit string) error {
	if slices.Contains(h.Controllers(), controller) {
		return nil
	}
	if h.Denied != "" {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: %s", limit, h.Denied)
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: this host has no %s cgroup controller", limit, controller)
}

// needFile refuses a limit whose file is missing.
func (h Host) needFile(controller, file, limit string) error {
	if err := h.need(controller, limit); err != nil {
		return err
	}
	if h.HasFile(controller, file) {
		return nil
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "%s: this kernel has no %s", limit, file)
}

func invalid(format string, args ...any) error {
	return vzcontract.Errorf(vzcontract.ErrValidation, format, args...)
}
