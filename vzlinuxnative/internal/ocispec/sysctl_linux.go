package ocispec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

var ipcSysctls = []string{
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
	"kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
}

// sysctls sets kernel parameters. Only those of a namespace that the
// container does not share with the host are allowed.
func (b *builder) sysctls() error {
	set := b.defaultSysctls()
	for name, value := range b.cfg.Sysctls {
		if err := b.checkSysctl(name, value); err != nil {
			return err
		}
		delete(set, dotted(name))
		set[name] = value
	}
	if len(set) > 0 {
		b.spec.Linux.Sysctl = set
	}
	return nil
}

// defaultSysctls let every user of a network namespace of the container's own
// listen on all ports and ping, as docker's do. In a user namespace the range of
// groups would reach beyond those that it has.
func (b *builder) defaultSysctls() map[string]string {
	set := map[string]string{}
	if b.shares(specs.NetworkNamespace) || strings.HasPrefix(b.cfg.NetworkMode, "container:") {
		return set
	}
	set["net.ipv4.ip_unprivileged_port_start"] = "0"
	if !b.host.userns {
		set["net.ipv4.ping_group_range"] = "0 2147483647"
	}
	return set
}

// dotted is the name with dots between its parts: of net/ipv4/conf/eth0.1/x, where
// slashes separate, the dots belong to names.
func dotted(name string) string {
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		return strings.NewReplacer("/", ".", ".", "/").Replace(name)
	}
	return name
}

func (b *builder) checkSysctl(name, value string) error {
	if strings.Contains(name, "..") || strings.HasPrefix(name, "/") || strings.ContainsAny(name+value, "\x00\n") {
		return invalid("sysctl %q: not a name", name)
	}
	key := dotted(name)
	var kind specs.LinuxNamespaceType
	switch {
	case slices.Contains(ipcSysctls, key), strings.HasPrefix(key, "fs.mqueue."):
		kind = specs.IPCNamespace
	case strings.HasPrefix(key, "net."):
		kind = specs.NetworkNamespace
	case key == "kernel.hostname", key == "kernel.domainname":
		return invalid("sysctl %s: use --hostname or --domainname", name)
	default:
		return invalid("sysctl %s is not of a namespace: it would change the host", name)
	}
	if b.shares(kind) {
		return invalid("sysctl %s: the container shares the host's %s namespace, so it would change the host", name, kind)
	}
	return nil
}
