//go:build !linux

package vzlinuxnative

import (
	"fmt"
	"os"
)

// MonitorMain is the program of a container's monitor, of which there are none
// on systems other than Linux.
func MonitorMain([]string) int {
	fmt.Fprintln(os.Stderr, "vz-monitor: containers need Linux")
	return 1
}
