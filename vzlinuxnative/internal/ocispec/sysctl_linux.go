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
	for name, value := range b.cfg.Sysctls {
		if err := b.checkSysctl(name, value); err != nil {
			return err
		}
	}
	if len(b.cfg.Sysctls) > 0 {
		b.spec.Linux.Sysctl = b.cfg.Sysctls
	}
	return nil
}

func (b *builder) checkSysctl(name, value string) error {
	if strings.Contains(name, "..") || strings.HasPrefix(name, "/") || strings.ContainsAny(name+value, "\x00\n") {
		return invalid("sysctl %q: not a name", name)
	}
	dotted := name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '/' {
		// net/ipv4/conf/eth0.1/x: slashes separate, dots belong to names.
		dotted = strings.NewReplacer("/", ".", ".", "/").Replace(name)
	}
	var kind specs.LinuxNamespaceType
	switch {
	case slices.Contains(ipcSysctls, dotted), strings.HasPrefix(dotted, "fs.mqueue."):
		kind = specs.IPCNamespace
	case strings.HasPrefix(dotted, "net."):
		kind = specs.NetworkNamespace
	case dotted == "kernel.hostname", dotted == "kernel.domainname":
		return invalid("sysctl %s: use --hostname or --domainname", name)
	default:
		return invalid("sysctl %s is not of a namespace: it would change the host", name)
	}
	if b.shares(kind) {
		return invalid("sysctl %s: the container shares the host's %s namespace, so it would change the host", name, kind)
	}
	return nil
}
