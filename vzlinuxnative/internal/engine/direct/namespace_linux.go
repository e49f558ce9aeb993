package direct

import (
	"fmt"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

var cloneFlags = map[specs.LinuxNamespaceType]int{
	specs.MountNamespace:   unix.CLONE_NEWNS,
	specs.PIDNamespace:     unix.CLONE_NEWPID,
	specs.NetworkNamespace: unix.CLONE_NEWNET,
	specs.IPCNamespace:     unix.CLONE_NEWIPC,
	specs.UTSNamespace:     unix.CLONE_NEWUTS,
	specs.CgroupNamespace:  unix.CLONE_NEWCGROUP,
}

// namespaces are what a child makes and joins.
type namespaces struct {
	flags  uint64     // made by clone
	cgroup bool       // unshared later, when the child is in its cgroup
	pid    *os.File   // joined before the clone
	join   []joinedNS // joined by the child
}

type joinedNS struct {
	file *os.File
	flag int
	path string
}

func openNamespaces(s *specs.Spec) (*namespaces, error) {
	n := new(namespaces)
	for _, ns := range s.Linux.Namespaces {
		flag := cloneFlags[ns.Type]
		switch {
		case flag == 0:
			n.close()
			return nil, fmt.Errorf("namespace of unknown type %q", ns.Type)
		case ns.Path == "" && ns.Type == specs.CgroupNamespace:
			n.cgroup = true
		case ns.Path == "":
			n.flags |= uint64(flag)
		default:
			f, err := os.Open(ns.Path)
			if err != nil {
				n.close()
				return nil, fmt.Errorf("join %s namespace: %w", ns.Type, err)
			}
			if ns.Type == specs.PIDNamespace {
				n.pid = f
			} else {
				n.join = append(n.join, joinedNS{f, flag, ns.Path})
			}
		}
	}
	return n, nil
}

func (n *namespaces) close() {
	if n.pid != nil {
		n.pid.Close()
	}
	for _, j := range n.join {
		j.file.Close()
	}
}

// addJoins makes the child join the namespaces that are not new.
func (p *plan) addJoins(n *namespaces) {
	for _, j := range n.join {
		p.add(opSetns, "join namespace "+j.path, int(j.file.Fd()), j.flag)
	}
}
