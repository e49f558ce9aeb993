package vhostuser

import (
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The queues of a vsock device, as the guest's driver sees them.
const (
	queueReceive  = iota // packets for the guest
	queueTransmit        // packets from the guest
	queueEvent
	queues
)

// A queue is a ring with its descriptors and the goroutines that serve it.
type queue struct {
	num               uint32
	desc, avail, used uint64
	addressed         bool
	base              uint16
	left              *uint16 // where it was stopped by QEMU, until it runs again

	ring *ring

	callMu sync.Mutex
	call   *os.File // guarded by callMu; nil if the guest polls

	stop    chan struct{} // nil while not served
	serving sync.WaitGroup
	kick    *os.File
	kicks   chan struct{} // capacity 1
}

// start serves the queue when the guest kicks. serve is called with each of them,
// and once before the first.
func (q *queue) start(kick *os.File, serve func(stop <-chan struct{}, kicks <-chan struct{})) {
	q.kick, q.stop, q.kicks = kick, make(chan struct{}), make(chan struct{}, 1)
	stop, kicks := q.stop, q.kicks
	q.serving.Go(func() {
		var count [8]byte
		for {
			if _, err := kick.Read(count[:]); err != nil {
				return // the deadline that halt sets
			}
			select {
			case kicks <- struct{}{}:
			default:
			}
		}
	})
	q.serving.Go(func() { serve(stop, kicks) })
}

// halt ends the serving and returns where the ring stands.
func (q *queue) halt() uint16 {
	if q.stop != nil {
		close(q.stop)
		_ = q.kick.SetReadDeadline(time.Unix(1, 0))
		q.serving.Wait()
		_ = q.kick.Close()
		q.stop, q.kick = nil, nil
	}
	if q.ring != nil {
		q.base = q.ring.last
	}
	q.ring = nil
	return q.base
}

// interrupt tells the guest of used buffers if it wants to know.
func (q *queue) interrupt() {
	if !q.ring.wantsInterrupt() {
		return
	}
	q.callMu.Lock()
	defer q.callMu.Unlock()
	if q.call != nil {
		_, _ = q.call.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// eventFile makes a file of an eventfd that the poller handles.
func eventFile(fd int, name string) (*os.File, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), name), nil
}

// duplicate returns another file of the same eventfd. f.Fd would take f from the
// poller.
func duplicate(f *os.File) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var fail error
	err = raw.Control(func(old uintptr) { fd, fail = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if err = errors.Join(err, fail); err != nil {
		return nil, err
	}
	return eventFile(fd, f.Name())
}
