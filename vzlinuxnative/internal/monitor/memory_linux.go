package monitor

import (
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// rest is what a monitor does while nothing is asked of it.
type rest struct {
	soon  atomic.Bool
	first sync.Once
}

// settle does what can wait until the container has lived for a while: it
// gives back memory that only a start or a request needs, and syncs the record.
// Until then nothing is collected: see GOGC in the environment of monitors.
func (m *monitor) settle() {
	if m.rest.soon.Swap(true) {
		return
	}
	time.AfterFunc(time.Second, func() {
		m.rest.soon.Store(false)
		m.rest.first.Do(m.settleIn)
		debug.FreeOSMemory()
		if err := dropPages(); err != nil {
			m.complain("give back memory", err)
		}
	})
}

func (m *monitor) settleIn() {
	debug.SetGCPercent(25)
	// What ends a terminal or the host does not end a monitor before
	// its container. (Ignored, the signals would be so in it too.)
	signal.Notify(make(chan os.Signal, 1), unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	if err := m.store.Sync(m.id); err != nil {
		m.complain("sync the record", err)
	}
}
