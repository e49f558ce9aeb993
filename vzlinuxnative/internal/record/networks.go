package record

import (
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Attachments are the bridges that a container is on, the primary one first:
// those of its config with what was joined and left since.
func Attachments(run vzcontract.RunConfig, st *State) []vzcontract.NetworkAttach {
	if run.NetworkMode == "host" || strings.HasPrefix(run.NetworkMode, "container:") {
		return nil
	}
	list := run.Attachments()
	list = append(list, st.Attach...)
	return slices.DeleteFunc(list, func(a vzcontract.NetworkAttach) bool { return slices.Contains(st.Detach, a.Network) })
}
