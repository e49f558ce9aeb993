package graft

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Open returns the mount namespace of a process. The caller sees to it that the pid is
// that of the process meant.
func Open(pid int) (*os.File, error) {
	return os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
}

// A view is a thread's inside a namespace.
type view struct {
	root int // the namespace's root
	proc int // the thread's own directory in the host's /proc
}

// inside runs f in a thread that has entered the namespace, which ends then.
func inside(ns *os.File, f func(view) error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end. While it is taken, others are found.
			defer runtime.UnlockOSThread()
			done <- inside(ns, f)
			return
		}
		done <- enter(ns, f)
	}()
	return <-done
}

func enter(ns *os.File, f func(view) error) error {
	proc, err := unix.Open("/proc/thread-self", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /proc/thread-self: %w", err)
	}
	defer unix.Close(proc)
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter the container's mount namespace: %w", err)
	}
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the container's root: %w", err)
	}
	defer unix.Close(root)
	return f(view{root: root, proc: proc})
}
