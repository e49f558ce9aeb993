package ocispec

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/engine"
)

const defaultShmSize = 64 << 20

// mounts sets Docker's mounts and the user's. A user's mount takes the place
// of a default one at the same target, and of those below /dev in the case of
// /dev itself.
func (b *builder) mounts() error {
	own, err := b.userMounts()
	if err != nil {
		return err
	}
	taken := func(target string) bool {
		return slices.ContainsFunc(own, func(m specs.Mount) bool {
			return m.Destination == target || m.Destination == "/dev" && strings.HasPrefix(target, "/dev/")
		})
	}
	for _, m := range b.defaultMounts() {
		if !taken(m.Destination) {
			b.spec.Mounts = append(b.spec.Mounts, m)
		}
	}
	b.spec.Mounts = append(b.spec.Mounts, own...)
	return nil
}

func (b *builder) defaultMounts() []specs.Mount {
	access := "ro"
	if b.privileged() {
		access = "rw"
	}
	list := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		b.ptsMount(),
		b.sysMount(access),
	}
	if !b.groupless() {
		list = append(list, specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "noexec", "nodev", access}})
	}
	return append(list, b.ipcMounts()...)
}

// ptsMount gives terminals the group tty, where there is one.
func (b *builder) ptsMount() specs.Mount {
	m := specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}}
	if b.host.hasGroup(ttyGroup) {
		m.Options = append(m.Options, "gid=5")
	}
	return m
}

const ttyGroup = 5

// sysMount is a new sysfs, which shows the network namespace. In a user namespace that
// takes one of its own; the host's is the host's mount.
func (b *builder) sysMount(access string) specs.Mount {
	if b.host.userns && b.shares(specs.NetworkNamespace) {
		return specs.Mount{Destination: "/sys", Type: "bind", Source: "/sys", Options: []string{"rbind", "rslave", "nosuid", "noexec", "nodev", "ro", "rro"}}
	}
	return specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", access}}
}

// ipcMounts are /dev/mqueue and /dev/shm of the container's IPC namespace,
// which may be the host's or another container's.
func (b *builder) ipcMounts() []specs.Mount {
	bind := func(root, dir string) specs.Mount {
		return specs.Mount{Destination: dir, Type: "bind", Source: root + dir, Options: []string{"rbind", "rprivate", "rw"}}
	}
	// A new mount shows the queues of the namespace, whosever it is.
	mqueue := specs.Mount{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}}
	switch ns := b.joined(specs.IPCNamespace); {
	case ns != "":
		root := filepath.Join(filepath.Dir(filepath.Dir(ns)), "root") // /proc/PID/ns/ipc
		return []specs.Mount{mqueue, bind(root, "/dev/shm")}
	case b.shares(specs.IPCNamespace) && b.host.userns:
		return []specs.Mount{bind("", "/dev/shm")} // the host's queues are the host's to mount
	case b.shares(specs.IPCNamespace):
		return []specs.Mount{mqueue, bind("", "/dev/shm")}
	case b.cfg.Namespaces.IPC == "none":
		return []specs.Mount{mqueue}
	}
	size := b.cfg.ShmSize
	if size == 0 {
		size = defaultShmSize
	}
	shm := specs.Mount{
		Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
		Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=" + strconv.FormatInt(size, 10)},
	}
	return []specs.Mount{mqueue, shm}
}

// userMounts returns the binds, volumes and tmpfs, parents before children.
func (b *builder) userMounts() ([]specs.Mount, error) {
	if b.cfg.ShmSize < 0 {
		return nil, invalid("size of /dev/shm %d is negative", b.cfg.ShmSize)
	}
	list := slices.Clone(b.in.Binds)
	for _, m := range b.cfg.Mounts {
		same := func(r engine.ResolvedMount) bool { return path.Clean(r.Target) == path.Clean(m.Target) }
		if m.Type == vzcontract.MountTmpfs && !slices.ContainsFunc(list, same) {
			list = append(list, engine.ResolvedMount{Mount: m})
		}
	}
	var out []specs.Mount
	for _, m := range list {
		sm, err := b.userMount(m)
		if err == nil {
			err = b.checkProc(m, sm.Destination)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, sm)
	}
	slices.SortStableFunc(out, func(a, b specs.Mount) int { return depth(a.Destination) - depth(b.Destination) })
	return out, nil
}

func depth(p string) int { return strings.Count(p, "/") }

// Bind returns what a start makes of a bind. That its target is free the caller knows.
func Bind(m engine.ResolvedMount) (specs.Mount, error) {
	h, err := thisHost()
	if err != nil {
		return specs.Mount{}, err
	}
	b := &builder{host: h, spec: &specs.Spec{Linux: &specs.Linux{}}}
	return b.userMount(m)
}

func (b *builder) userMount(m engine.ResolvedMount) (specs.Mount, error) {
	target := path.Clean(m.Target)
	if !path.IsAbs(m.Target) || target == "/" {
		return specs.Mount{}, invalid("mount target %q: give an absolute path other than /", m.Target)
	}
	if m.Type == vzcontract.MountTmpfs {
		return tmpfs(m.Mount, target)
	}
	source := m.HostPath
	if m.SourceFD != 0 {
		source = fmt.Sprintf("/proc/self/fd/%d", m.SourceFD)
	}
	if !path.IsAbs(source) {
		return specs.Mount{}, invalid("mount source %q of %s is not absolute", source, target)
	}
	options, err := b.bindOptions(m.Mount)
	return specs.Mount{Destination: target, Type: "bind", Source: source, Options: options}, err
}

// procFiles may be mounted over: what lxcfs emulates.
var procFiles = []string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo", "/proc/stat", "/proc/swaps",
	"/proc/uptime", "/proc/sys/crypto/fips_enabled", "/proc/sys/kernel/ns_last_pid",
}

// checkProc refuses what would hide /proc, as runc does: an image with a volume there
// could make believe that a limit or a profile was set (CVE-2019-16884). The host's
// /proc in its place is what some monitors want.
func (b *builder) checkProc(m engine.ResolvedMount, target string) error {
	switch {
	case target != "/proc" && !strings.HasPrefix(target, "/proc/"), slices.Contains(procFiles, target):
		return nil
	case target == "/proc" && m.Type == vzcontract.MountBind && b.host.isProc(m.HostPath):
		return nil
	}
	return invalid("mount target %s: nothing can be mounted in /proc but %s", target, strings.Join(procFiles, ", "))
}

var propagations = []string{"private", "rprivate", "shared", "rshared", "slave", "rslave"}

func (b *builder) bindOptions(m vzcontract.Mount) ([]string, error) {
	bind, propagation := "rbind", m.Propagation
	if m.NonRecursive {
		bind = "bind"
	}
	if propagation == "" {
		propagation = "rprivate"
	}
	if !slices.Contains(propagations, propagation) {
		return nil, invalid("mount %s: propagation %q is not one of %s", m.Target, propagation, strings.Join(propagations, ", "))
	}
	if strings.HasSuffix(propagation, "shared") || strings.HasSuffix(propagation, "slave") {
		b.propagateRoot(propagation)
	}
	options := []string{bind, propagation}
	switch {
	case !m.ReadOnly && m.Type != vzcontract.MountImage:
		options = append(options, "rw")
	case bind == "rbind" && b.host.rroMounts:
		// Read-only with all that is mounted below, as docker does.
		options = append(options, "ro", "rro")
	default:
		options = append(options, "ro")
	}
	return options, nil
}

// propagateRoot lets mounts pass between host and container.
func (b *builder) propagateRoot(propagation string) {
	l := b.spec.Linux
	if strings.HasSuffix(propagation, "shared") {
		l.RootfsPropagation = "shared"
	} else if l.RootfsPropagation == "" {
		l.RootfsPropagation = "rslave"
	}
}
