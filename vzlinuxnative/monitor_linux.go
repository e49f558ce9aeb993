package vzlinuxnative

import (
	"vz.internal/vzlinuxnative/internal/monitor"
	_ "vz.internal/vzlinuxnative/internal/timerslack" // vz and its monitors live briefly or sleep
)

// MonitorMain is the program of a container's monitor; it returns the process's
// exit code. A program that opens a backend and has no vz-monitor beside it
// calls it for the arguments "internal monitor …", with what follows them.
func MonitorMain(args []string) int { return monitor.Main(args) }
