package monitor

import (
	"runtime/debug"
	"sync"
	"time"
)

var settleOnce sync.Once

// settle gives back memory that only a start needs, once the container has
// lived for a while. Until then nothing is collected: see GOGC in the
// environment of monitors.
func settle() {
	settleOnce.Do(func() {
		time.AfterFunc(time.Second, func() {
			debug.SetGCPercent(25)
			debug.FreeOSMemory()
		})
	})
}
