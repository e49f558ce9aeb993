package direct

import (
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// insideProcess splits /proc/PID/root/PATH into the mount namespace of that
// process and the path there.
func insideProcess(source string) (ns, path string, ok bool) {
	rest, ok := strings.CutPrefix(source, "/proc/")
	if !ok {
		return "", "", false
	}
	pid, path, ok := strings.Cut(rest, "/root/")
	if _, err := strconv.Atoi(pid); !ok || err != nil {
		return "", "", false
	}
	return "/proc/" + pid + "/ns/mnt", "/" + path, true
}

// openTreeIn is open_tree(2) in another mount namespace: the kernel copies only
// mounts of the caller's own, and there links lead where they lead that
// process, never to the host's files.
func openTreeIn(ns, path string, flags uint) (int, error) {
	type result struct {
		fd  int
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		fd, err := enterAndOpen(ns, path, flags)
		done <- result{fd, err}
	}()
	r := <-done
	return r.fd, r.err
}

func enterAndOpen(ns, path string, flags uint) (int, error) {
	fd, err := unix.Open(ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(fd)
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return -1, err
	}
	if err := unix.Setns(fd, unix.CLONE_NEWNS); err != nil {
		return -1, err
	}
	return unix.OpenTree(unix.AT_FDCWD, path, flags)
}
