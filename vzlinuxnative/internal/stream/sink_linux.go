package stream

import (
	"os"
	"sync"
)

// sinkBound is how much waits for a slow sink before the workload does.
const sinkBound = 256 << 10

// A sink writes to the file of one attached client, at its own pace.
type sink struct {
	file *os.File
	lost func(error)   // told when the file takes no more
	done chan struct{} // closed when nothing more will be written

	mu        sync.Mutex
	changed   *sync.Cond
	waiting   []byte // guarded by mu
	finished  bool   // no more comes; guarded by mu
	dead      bool   // the client went; guarded by mu
	failure   bool   // and the file took no more; guarded by mu
	boundless bool   // the workload has ended: take the rest; guarded by mu
}

func newSink(f *os.File, lost func(error)) *sink {
	s := &sink{file: f, lost: lost, done: make(chan struct{})}
	s.changed = sync.NewCond(&s.mu)
	go s.run()
	return s
}

// put takes a copy of p, after waiting while too much is on its way.
func (s *sink) put(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) >= sinkBound && !s.dead && !s.boundless {
		s.changed.Wait()
	}
	if !s.dead {
		s.waiting = append(s.waiting, p...)
		s.changed.Broadcast()
	}
}

func (s *sink) run() {
	defer close(s.done)
	defer s.file.Close()
	var buf []byte
	for {
		s.mu.Lock()
		for len(s.waiting) == 0 && !s.finished && !s.dead {
			s.changed.Wait()
		}
		if s.dead || len(s.waiting) == 0 {
			s.mu.Unlock()
			return
		}
		buf, s.waiting = s.waiting, buf[:0]
		s.changed.Broadcast()
		s.mu.Unlock()
		if _, err := s.file.Write(buf); err != nil {
			s.set(func() { s.dead, s.failure = true, true })
			s.lost(err)
			return
		}
	}
}

// finish says that no more comes.
func (s *sink) finish() { s.set(func() { s.finished, s.boundless = true, true }) }

// lift lets put take everything at once.
func (s *sink) lift() { s.set(func() { s.boundless = true }) }

// drop forgets what is waiting.
func (s *sink) drop() { s.set(func() { s.dead = true }) }

func (s *sink) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.changed.Broadcast()
}

func (s *sink) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

func (s *sink) gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}
