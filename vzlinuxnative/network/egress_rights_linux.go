package network

import (
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Capabilities by which a container on the host's kernel gets out by the host itself.
// With NET_ADMIN it makes interfaces in the host's network namespace: the kernel tells
// each end of a cable a number of the namespace that the other end is in, by which that
// one can be used (IFLA_LINK_NETNSID, IFLA_TARGET_NETNSID), and asks for no more than
// the capability in the user namespace that the other one belongs to. With
// DAC_READ_SEARCH it opens files of the host by their handles.
var around = []string{"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "NET_ADMIN", "DAC_READ_SEARCH"}

// CanHold tells why a container with the rights of run could get around an egress
// policy; nil if it cannot. It matches vzcontract.ErrUnsupported.
func CanHold(run *vzcontract.RunConfig) error {
	which := ""
	has := func(c string) bool {
		return slices.Contains(around, strings.TrimPrefix(strings.ToUpper(c), "CAP_"))
	}
	own := run.Namespaces.User != "" && run.Namespaces.User != "host" // what it may do ends with its user namespace
	switch i := slices.IndexFunc(run.Security.CapAdd, has); {
	case run.Security.Privileged:
		which = "a privileged container"
	case own:
	case i >= 0:
		which = "a container with the capability " + run.Security.CapAdd[i]
	case run.Namespaces.PID == "host" && slices.ContainsFunc(run.Security.CapAdd, func(c string) bool {
		return strings.TrimPrefix(strings.ToUpper(c), "CAP_") == "SYS_PTRACE"
	}):
		which = "a container that may trace the host's processes"
	}
	if which == "" {
		return nil
	}
	return vzcontract.Errorf(vzcontract.ErrUnsupported, "egress policy: %s gets out by the host itself; leave that right away, or run it in a machine (--backend vm)", which)
}
