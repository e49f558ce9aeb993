package monitor

import (
	"path/filepath"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/events"
	"vz.internal/vzlinuxnative/internal/record"
)

// A teller appends events to the journal in the order in which they happened,
// while the monitor does more urgent things.
type teller struct {
	queue chan vzcontract.Event
	done  chan struct{}

	mu     sync.Mutex
	closed bool // guarded by mu
}

func (m *monitor) openEvents() {
	m.tell = &teller{queue: make(chan vzcontract.Event, 64), done: make(chan struct{})}
	go func() {
		defer close(m.tell.done)
		for e := range m.tell.queue {
			j, err := events.Open(filepath.Join(m.home, "events"))
			if err == nil {
				err = j.Append(e)
			}
			if err != nil {
				m.complain("note event "+e.Action, err)
			}
		}
	}()
}

// event notes what happened to the container.
func (m *monitor) event(action string, more map[string]string) {
	m.tell.mu.Lock()
	defer m.tell.mu.Unlock()
	if !m.tell.closed {
		m.tell.queue <- record.Event(m.cfg, m.name.Load().(string), action, more)
	}
}

// flush returns when all events are in the journal. Later ones are lost.
func (t *teller) flush() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	close(t.queue)
	<-t.done
}
