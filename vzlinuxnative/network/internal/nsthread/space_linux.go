package nsthread

import (
	"os"
	"time"
)

// idleTime is how long a thread of a Space waits for more to do.
const idleTime = 5 * time.Second

// A Space is a network namespace in which much is done: threads that are in it stay for
// what comes next. Its methods are safe for concurrent use.
type Space struct {
	ns     *os.File
	jobs   chan job
	closed chan struct{}
}

type job struct {
	do   func() error
	done chan<- error
}

// NewSpace returns the space of a network namespace, whose file it owns.
func NewSpace(ns *os.File) *Space {
	return &Space{ns: ns, jobs: make(chan job), closed: make(chan struct{})}
}

// Namespace is the space's file. It is the space's.
func (s *Space) Namespace() *os.File { return s.ns }

// Do runs do on a thread in the namespace. What do starts as a goroutine is not there.
func (s *Space) Do(do func() error) error {
	done := make(chan error, 1)
	j := job{do, done}
	select {
	case s.jobs <- j: // a thread waits
	default:
		s.start(j)
	}
	return <-done
}

// start makes a thread, whose first job is j.
func (s *Space) start(j job) {
	apart(func() (back bool) {
		if err := enter(s.ns); err != nil {
			j.done <- err
			return true
		}
		idle := time.NewTimer(idleTime)
		defer idle.Stop()
		for {
			j.done <- j.do()
			idle.Reset(idleTime)
			select {
			case j = <-s.jobs:
			case <-idle.C:
				return false
			case <-s.closed:
				return false
			}
		}
	})
}

// Close gives the namespace up. Nothing may be under way.
func (s *Space) Close() error {
	close(s.closed)
	return s.ns.Close()
}
