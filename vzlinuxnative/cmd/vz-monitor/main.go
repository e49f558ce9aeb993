// Vz-monitor is the process beside a running container; vz starts it. See
// package monitor.
package main

import (
	"os"

	"vz.internal/vzlinuxnative"
)

func main() { os.Exit(vzlinuxnative.MonitorMain(os.Args[1:])) }
