package cli

import (
	"vz.internal/vzcli/internal/command"
	"vz.internal/vzlinuxnative/network/machine"
)

// vmNetworks tells which networks containers in machines have on this host.
func vmNetworks() command.CheckResult {
	if err := machine.Probe(); err != nil {
		return command.CheckResult{
			Name: "vm networks", Status: "missing", Detail: "containers in machines do not join this host's networks: " + err.Error(),
			Remedy: "run vz as root on a host with /dev/net/tun, cls_u32 and act_mirred",
		}
	}
	return command.CheckResult{Name: "vm networks", Status: "ok", Detail: "containers in machines join the networks of all others"}
}
