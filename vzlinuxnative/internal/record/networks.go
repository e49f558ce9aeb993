package record

import (
	"slices"
	"strings"

	"vz.internal/vzcontract"
)

// Attachments are the bridges that a container is on, the primary one first:
// those of its config with what was joined and left since.
func Attachments(run vzcontract.RunConfig, st *State) []vzcontract.NetworkAttach {
	list := slices.Clone(run.Networks)
	switch mode := run.NetworkMode; {
	case mode == "host" || strings.HasPrefix(mode, "container:"):
		return nil
	case mode == "none":
		list = nil
	case mode == "" && len(list) > 0:
	default:
		if mode == "" {
			mode = "bridge"
		}
		at := slices.IndexFunc(list, func(a vzcontract.NetworkAttach) bool { return a.Network == mode })
		first := vzcontract.NetworkAttach{Network: mode}
		if at >= 0 {
			first = list[at]
			list = slices.Delete(list, at, at+1)
		}
		list = slices.Insert(list, 0, first)
	}
	if len(list) > 0 && list[0].MACAddress == "" {
		list[0].MACAddress = run.MACAddress
	}
	list = append(list, st.Attach...)
	return slices.DeleteFunc(list, func(a vzcontract.NetworkAttach) bool { return slices.Contains(st.Detach, a.Network) })
}
