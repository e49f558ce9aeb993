package nsthread

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// In runs do on a thread in the network namespace ns. Sockets that do opens belong to
// ns for ever.
func In(ns *os.File, do func() error) error {
	done := make(chan error, 1)
	apart(func() (back bool) {
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- err
			return true
		}
		defer home.Close()
		if err := enter(ns); err != nil {
			done <- err
			return true
		}
		err = do()
		// An ordinary user has no right to go back to the host's.
		back = unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil
		done <- err
		return back
	})
	return <-done
}

func enter(ns *os.File) error {
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace: %w", err)
	}
	return nil
}

// apart runs do on a thread of its own, which ends with it unless do reports that it is
// back where it was. It is never the first thread of the process: that one cannot end,
// and what others see of the process is its.
func apart(do func() (back bool)) { go lock(do, make(chan struct{})) }

// lock closes locked when it has its thread.
func lock(do func() (back bool), locked chan<- struct{}) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		other := make(chan struct{})
		go lock(do, other)
		<-other // this one is taken until then
		runtime.UnlockOSThread()
		return
	}
	close(locked)
	if do() {
		runtime.UnlockOSThread()
	}
}

// New makes a network namespace, which exists as long as something refers to it.
func New() (*os.File, error) {
	type made struct {
		ns  *os.File
		err error
	}
	done := make(chan made, 1)
	apart(func() (back bool) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- made{err: fmt.Errorf("make a network namespace: %w", err)}
			return true
		}
		ns, err := os.Open("/proc/thread-self/ns/net")
		done <- made{ns, err}
		return false
	})
	m := <-done
	return m.ns, m.err
}
