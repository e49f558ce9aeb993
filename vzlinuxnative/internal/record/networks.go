package record

import (
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Attachments are the bridges that a container is on, the primary one first:
// those of its config that it has not left, then those that it has joined.
func Attachments(run vzcontract.RunConfig, st *State) []vzcontract.NetworkAttach {
	if Shared(run) {
		return nil
	}
	list := slices.DeleteFunc(run.Attachments(), func(a vzcontract.NetworkAttach) bool { return slices.Contains(st.Detach, a.Network) })
	return append(list, st.Attach...)
}

// Shared reports whether the network namespace is the host's or another container's.
func Shared(run vzcontract.RunConfig) bool {
	return run.NetworkMode == "host" || strings.HasPrefix(run.NetworkMode, "container:")
}
