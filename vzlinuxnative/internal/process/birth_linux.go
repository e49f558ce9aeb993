package process

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Birth tells a process from all others that have had or will have its pid: when it was
// started, and since which boot that counts.
func Birth(pid int) (string, error) {
	f, err := stat(pid)
	if err != nil {
		return "", err
	}
	boot, err := bootID()
	return f[startTime] + "@" + boot, err
}

// Open returns a descriptor of the process that had the pid when Birth told birth, for
// pidfd_send_signal(2); ESRCH if it has ended.
func Open(pid int, birth string) (fd int, err error) {
	if pid <= 0 || birth == "" {
		return -1, unix.ESRCH
	}
	fd, err = unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, err
	}
	// It is whoever has the pid now, and as long as the descriptor does not tell its end.
	if now, err := Birth(pid); err != nil || now != birth || ended(fd) {
		unix.Close(fd)
		return -1, unix.ESRCH
	}
	return fd, nil
}

// ended reports that the process of a descriptor has ended, reaped or not.
func ended(pidfd int) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

// Fellows returns the pids, ascending, of all processes in the pid namespace of a
// process, as the caller sees them; those in namespaces below that are left out.
func Fellows(pid int) ([]int, error) {
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return where(func(other int) bool {
		ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", other))
		if err != nil || ns != own {
			return false
		}
		f, err := stat(other)
		return err == nil && f[state] != "Z"
	})
}

// Offspring returns a process, its descendants and those of its session, ascending, as
// far as they live.
func Offspring(pid int) ([]int, error) {
	parents := map[int]int{}
	all, err := where(func(other int) bool {
		f, err := stat(other)
		if err != nil || f[state] == "Z" {
			return false
		}
		parents[other], _ = strconv.Atoi(f[parent])
		session, _ := strconv.Atoi(f[sessionID])
		return other == pid || session == pid
	})
	if err != nil {
		return nil, err
	}
	for other := range parents {
		for at, depth := other, 0; at > 1 && depth < 1<<12; at, depth = parents[at], depth+1 {
			if slices.Contains(all, at) {
				all = append(all, other)
				break
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func where(wanted func(pid int) bool) ([]int, error) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	names, err := proc.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && wanted(pid) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// Fields of /proc/PID/stat after the name.
const (
	state     = 0
	parent    = 1
	sessionID = 3
	startTime = 19
)

func stat(pid int) ([]string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name may hold anything; the last parenthesis ends it.
	f := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(f) <= startTime {
		return nil, fmt.Errorf("/proc/%d/stat makes no sense", pid)
	}
	return f, nil
}

var bootID = sync.OnceValues(func() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
})
