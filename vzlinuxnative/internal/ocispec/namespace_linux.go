package ocispec

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ownModes are the words for a new namespace.
var ownModes = map[specs.LinuxNamespaceType][]string{
	specs.PIDNamespace:    {"", "private"},
	specs.IPCNamespace:    {"", "private", "shareable", "none"},
	specs.UTSNamespace:    {"", "private"},
	specs.MountNamespace:  {""},
	specs.CgroupNamespace: {"", "private"},
}

// namespaces decides which are new, joined or the host's.
func (b *builder) namespaces() error {
	n := b.cfg.Namespaces
	switch n.User {
	case "", "host":
	case "auto", "keep-id":
		return unsupported("user namespace %q: containers here run in the host's user namespace", n.User)
	default:
		return invalid("user namespace %q: give host, auto or keep-id", n.User)
	}
	if b.groupless() && n.PID != "" && n.PID != "private" {
		return unsupported("pid namespace %q: without a cgroup or a pid namespace of its own nobody knows what runs in a container: %s", n.PID, b.host.cgroup.Denied)
	}
	for _, ns := range []struct {
		kind specs.LinuxNamespaceType
		mode string
	}{
		{specs.PIDNamespace, n.PID},
		{specs.NetworkNamespace, b.cfg.NetworkMode},
		{specs.IPCNamespace, n.IPC},
		{specs.UTSNamespace, n.UTS},
		{specs.MountNamespace, ""},
		{specs.CgroupNamespace, n.Cgroup},
	} {
		path := b.in.JoinNamespaces[ns.kind]
		switch {
		case path != "":
		case ns.mode == "host":
			continue
		case strings.HasPrefix(ns.mode, "container:"):
			return fmt.Errorf("%s namespace of %s was not looked up", ns.kind, ns.mode)
		case ns.kind != specs.NetworkNamespace && !slices.Contains(ownModes[ns.kind], ns.mode):
			return invalid("%s namespace %q: give host, container:NAME%s", ns.kind, ns.mode, strings.Join(append([]string{""}, ownModes[ns.kind][1:]...), " or "))
		}
		b.spec.Linux.Namespaces = append(b.spec.Linux.Namespaces, specs.LinuxNamespace{Type: ns.kind, Path: path})
	}
	return nil
}

// groupless reports whether the container has no cgroup of its own.
func (b *builder) groupless() bool { return b.host.userns && b.in.CgroupsPath == "" }

// owns reports whether the container has a new namespace of a kind.
func (b *builder) owns(kind specs.LinuxNamespaceType) bool {
	return slices.Contains(b.spec.Linux.Namespaces, specs.LinuxNamespace{Type: kind})
}

// joined returns the path of a namespace that the container shares with
// another one, "" if it does not.
func (b *builder) joined(kind specs.LinuxNamespaceType) string {
	for _, ns := range b.spec.Linux.Namespaces {
		if ns.Type == kind {
			return ns.Path
		}
	}
	return ""
}

// shares reports whether a kind of namespace is the host's.
func (b *builder) shares(kind specs.LinuxNamespaceType) bool {
	return !slices.ContainsFunc(b.spec.Linux.Namespaces, func(ns specs.LinuxNamespace) bool { return ns.Type == kind })
}
