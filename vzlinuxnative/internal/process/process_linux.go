// Package process reads facts about processes from /proc.
package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ticksPerSecond is the kernel's USER_HZ, the same on all machines that vz
// runs on.
const ticksPerSecond = 100

// Started returns when the process began.
func Started(pid int) (time.Time, error) {
	f, err := stat(pid)
	if err != nil {
		return time.Time{}, err
	}
	ticks, err := strconv.ParseInt(f[startTime], 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	boot, err := bootTime()
	return boot.Add(time.Duration(ticks) * time.Second / ticksPerSecond), err
}

// Waits reports whether the process is a container's or an exec's that an
// engine has made and that has not executed its program yet.
func Waits(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return false
	}
	name := string(data)
	return strings.HasPrefix(name, "vz:[init]") || strings.HasPrefix(name, "runc:[")
}

var bootTime = sync.OnceValues(func() (time.Time, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "btime "); ok {
			sec, err := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return time.Unix(sec, 0), err
		}
	}
	return time.Time{}, fmt.Errorf("/proc/stat has no btime")
})
