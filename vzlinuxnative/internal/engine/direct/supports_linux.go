package direct

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Supports returns nil if the engine can run the spec, else why it cannot.
func Supports(s *specs.Spec) error {
	l := s.Linux
	switch {
	case l == nil || s.Process == nil || s.Root == nil:
		return fmt.Errorf("spec without linux, process or root")
	case s.Hooks != nil:
		return fmt.Errorf("hooks")
	case l.IntelRdt != nil, l.MemoryPolicy != nil, l.Personality != nil, l.TimeOffsets != nil, len(l.NetDevices) > 0:
		return fmt.Errorf("intelRdt, memoryPolicy, personality, timeOffsets or netDevices")
	case l.MountLabel != "" || s.Process.SelinuxLabel != "":
		return fmt.Errorf("SELinux labels")
	case s.Process.ApparmorProfile != "":
		return fmt.Errorf("AppArmor profiles")
	case s.Process.Scheduler != nil, s.Process.IOPriority != nil, s.Process.ExecCPUAffinity != nil:
		return fmt.Errorf("scheduler settings")
	case l.RootfsPropagation != "" && l.RootfsPropagation != "rslave" && l.RootfsPropagation != "rprivate":
		return fmt.Errorf("root propagation %s", l.RootfsPropagation)
	}
	if err := supportsNamespaces(l.Namespaces); err != nil {
		return err
	}
	for _, d := range l.Devices {
		if !strings.HasPrefix(d.Path, "/dev/") {
			return fmt.Errorf("device %s outside /dev", d.Path)
		}
	}
	return supportsMounts(s)
}

func supportsNamespaces(nss []specs.LinuxNamespace) error {
	mount := false
	for _, ns := range nss {
		switch ns.Type {
		case specs.UserNamespace, specs.TimeNamespace:
			return fmt.Errorf("%s namespaces", ns.Type)
		case specs.MountNamespace:
			mount = ns.Path == ""
		}
	}
	if !mount {
		return fmt.Errorf("containers without a mount namespace of their own")
	}
	return nil
}

func supportsMounts(s *specs.Spec) error {
	for _, m := range s.Mounts {
		o := parseMountOptions(m.Options)
		switch {
		case len(m.UIDMappings)+len(m.GIDMappings) > 0:
			return fmt.Errorf("id-mapped mounts")
		case m.Type == "cgroup" && !owns(s, specs.CgroupNamespace):
			return fmt.Errorf("the host's cgroup tree")
		case o.bind && len(o.data) > 0:
			return fmt.Errorf("mount option %s", o.data[0][0])
		case !o.bind && o.propagation != 0:
			return fmt.Errorf("propagation of a %s mount", m.Type)
		}
		for _, kv := range o.data {
			if kv[0] == "tmpcopyup" || kv[0] == "idmap" || kv[0] == "ridmap" {
				return fmt.Errorf("mount option %s", kv[0])
			}
		}
	}
	return nil
}

// owns reports whether the container has a new namespace of type t.
func owns(s *specs.Spec, t specs.LinuxNamespaceType) bool {
	for _, ns := range s.Linux.Namespaces {
		if ns.Type == t {
			return ns.Path == ""
		}
	}
	return false
}
