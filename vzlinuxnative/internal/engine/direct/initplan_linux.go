package direct

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups/devices/config"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// An initPlan is the plan of a container's init and what the clone needs
// besides it.
type initPlan struct {
	plan
	ns    *namespaces
	trees []tree
}

func (p *initPlan) close() {
	if p.ns != nil {
		p.ns.close()
	}
	for _, t := range p.trees {
		t.file.Close()
	}
}

// newInitPlan turns a spec into the plan of its init. The caller closes it
// after the clone.
func newInitPlan(s *specs.Spec, nodes []*config.Device, cgroups []string, stdio [3]*os.File, f filter) (*initPlan, error) {
	p := new(initPlan)
	var err error
	if p.ns, err = openNamespaces(s); err != nil {
		return nil, err
	}
	p.add(opSetsid, "become a session leader")
	p.addCgroups(cgroups)
	if adj := s.Process.OOMScoreAdj; adj != nil {
		p.add(opWrite, "set oom_score_adj", "/proc/self/oom_score_adj", strconv.Itoa(*adj))
	}
	if p.ns.cgroup {
		p.add(opUnshare, "make cgroup namespace", unix.CLONE_NEWCGROUP)
	}
	p.addJoins(p.ns)
	if p.ns.flags&unix.CLONE_NEWNET != 0 {
		p.add(opLoopback, "set lo up")
	}
	p.add(opKeyring, "join session keyring", "_ses."+s.Hostname)
	if err := p.addRoot(s, nodes); err != nil {
		p.close()
		return nil, err
	}
	p.addStdio(s.Process, stdio, true)
	p.add(opPivot, "pivot to the root "+s.Root.Path, s.Root.Readonly)
	p.addFinish(s)
	p.add(opReady, "wait for start")
	if err := p.addBecome(s.Process, f); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// addCgroups lets the child join cgroups by writing "0" into their files:
// ten times cheaper than the parent writing a pid.
func (p *plan) addCgroups(files []string) {
	for _, f := range files {
		p.add(opWrite, "join cgroup "+filepath.Dir(f), f, "0")
	}
}

// addRoot makes the mounts of the container.
func (p *initPlan) addRoot(s *specs.Spec, nodes []*config.Device) error {
	p.add(opPropagate, "cut mount propagation", "/", unix.MS_REC|unix.MS_SLAVE)
	mounted, err := isMountPoint(s.Root.Path)
	if err != nil {
		return err
	}
	p.add(opRoot, "open root "+s.Root.Path, s.Root.Path, !mounted)
	for _, m := range s.Mounts {
		if err := p.addMount(s, m, nodes); err != nil {
			return err
		}
	}
	return nil
}

func isMountPoint(path string) (bool, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BASIC_STATS, &st); err != nil {
		return false, fmt.Errorf("open root %s: %w", path, err)
	}
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}

func (p *initPlan) addMount(s *specs.Spec, m specs.Mount, nodes []*config.Device) error {
	if err := p.check(m.Destination, m.Source, m.Type, strings.Join(m.Options, ",")); err != nil {
		return fmt.Errorf("mount on %s: %w", m.Destination, err)
	}
	o := parseMountOptions(m.Options)
	if !o.bind && m.Source != "" {
		o.data = append(o.data, [2]string{"source", m.Source})
	}
	words := fmt.Sprintf("mount %s on %s", m.Type, m.Destination)
	switch {
	case o.bind:
		t, err := cloneTree(m, o)
		if err != nil {
			return err
		}
		p.trees = append(p.trees, t)
		p.add(opAttach, fmt.Sprintf("mount %s on %s", m.Source, m.Destination), int(t.file.Fd()), m.Destination, t.dir)
	case m.Type == "tmpfs" && filepath.Clean(m.Destination) == "/dev":
		t, err := newDev(m, o, nodes)
		if err != nil {
			return err
		}
		p.trees = append(p.trees, t)
		p.add(opAttach, words, int(t.file.Fd()), m.Destination, true)
		return p.addNodes(nodes)
	case m.Type == "cgroup":
		return p.addCgroupMount(m, o)
	default:
		p.addFSMount(m.Type, m.Destination, o)
	}
	return nil
}

// addFSMount mounts a new file system. A tmpfs without a mode of its own gets
// that of the directory it is mounted on, as with runc.
func (p *plan) addFSMount(fstype, dest string, o mountOptions) {
	hasMode := slices.ContainsFunc(o.data, func(kv [2]string) bool { return kv[0] == "mode" })
	args := []any{fstype, dest, fstype == "tmpfs" && !hasMode, o.set, len(o.data)}
	for _, kv := range o.data {
		args = append(args, kv[0], kv[1])
	}
	p.add(opFSMount, fmt.Sprintf("mount %s on %s", fstype, dest), args...)
}

// addFinish does what follows the pivot: names, sysctls, masks.
func (p *plan) addFinish(s *specs.Spec) {
	if s.Hostname != "" {
		p.add(opHostname, "set hostname "+s.Hostname, s.Hostname)
	}
	if s.Domainname != "" {
		p.add(opDomainname, "set domainname "+s.Domainname, s.Domainname)
	}
	keys := make([]string, 0, len(s.Linux.Sysctl))
	for k := range s.Linux.Sysctl {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		v := s.Linux.Sysctl[k]
		p.add(opWrite, fmt.Sprintf("set sysctl %s=%s", k, v), "/proc/sys/"+strings.ReplaceAll(k, ".", "/"), v)
	}
	for _, path := range s.Linux.ReadonlyPaths {
		p.add(opLock, "make "+path+" read-only", path)
	}
	for _, path := range s.Linux.MaskedPaths {
		p.add(opMask, "mask "+path, path)
	}
}
