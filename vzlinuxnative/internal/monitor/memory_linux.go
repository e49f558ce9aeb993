package monitor

import (
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

var settleOnce sync.Once

// settle does what can wait until the container has lived for a while: it
// gives back memory that only a start needs, and syncs the record. Until then
// nothing is collected: see GOGC in the environment of monitors.
func (m *monitor) settle() {
	settleOnce.Do(func() {
		time.AfterFunc(time.Second, func() {
			debug.SetGCPercent(25)
			debug.FreeOSMemory()
			if err := dropPages(); err != nil {
				m.complain("give back memory", err)
			}
			if err := m.store.Sync(m.id); err != nil {
				m.complain("sync the record", err)
			}
			// What ends a terminal or the host does not end a monitor before
			// its container. (Ignored, the signals would be so in it too.)
			signal.Notify(make(chan os.Signal, 1), unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
		})
	})
}
