package process

import (
	"fmt"
	"os"
	"strings"
)

// Inside returns the pids, ascending, of all processes whose root is that of container
// id: an overlay that is written to id's directory, or a copy in it. It is for when the
// record does not tell.
func Inside(id string) ([]int, error) {
	return where(func(pid int) bool {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(data)) {
			// "36 35 98:0 /mnt1 / rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
			f := strings.Fields(line)
			if len(f) > 5 && f[4] == "/" && (strings.HasSuffix(f[3], "/"+id+"/merged") || strings.Contains(f[len(f)-1], "/"+id+"/upper,")) {
				return true
			}
		}
		return false
	})
}
