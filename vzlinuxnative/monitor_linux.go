package vzlinuxnative

import (
	"vz.internal/vzlinuxnative/internal/monitor"
	_ "vz.internal/vzlinuxnative/internal/timerslack" // vz and its monitors live briefly or sleep
	"vz.internal/vzlinuxnative/network/uplink"
)

// MonitorMain is the program of a container's monitor, and of the keeper of an ordinary
// user's uplink; it returns the process's exit code. A program that opens a backend and
// has no vz-monitor beside it calls it for the arguments "internal monitor …", with what
// follows them.
func MonitorMain(args []string) int {
	if len(args) > 0 && args[0] == "uplink" {
		return uplink.Main(args[1:])
	}
	return monitor.Main(args)
}
