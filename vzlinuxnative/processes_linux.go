package vzlinuxnative

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/process"
	"vz.internal/vzlinuxnative/internal/record"
)

// processes are those of a container whose monitor is gone, by its cgroup.
type processes interface {
	// PIDs are the host's, ascending.
	PIDs() ([]int, error)
	// Kill ends all and returns when they have ended.
	Kill() error
	Freeze() error
	Thaw() error
}

// processesOf finds a container's processes.
func processesOf(cfg *record.Config, st *record.State) (processes, error) {
	g, err := cgroup.At(cfg.CgroupsPath)
	if err != nil || cfg.CgroupsPath != "" {
		return g, err
	}
	return groupless{Group: g, pid: st.PID, birth: st.Birth}, nil
}

// groupless are the processes of a container without a cgroup: its first one, told from
// others of the same pid by its birth, and all in its pid namespace, which end with it.
type groupless struct {
	*cgroup.Group // of nothing: it refuses the rest
	pid           int
	birth         string
}

func (g groupless) PIDs() ([]int, error) {
	if !g.lives() {
		return nil, nil
	}
	pids, err := process.Fellows(g.pid)
	switch {
	case !g.lives():
		return nil, nil // the namespace may have been somebody else's
	case errors.Is(err, fs.ErrPermission):
		return []int{g.pid}, nil // it is on its way out, and tells no namespace any more
	}
	return pids, err
}

func (g groupless) lives() bool {
	fd, err := process.Open(g.pid, g.birth)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

func (g groupless) Kill() error {
	fd, err := process.Open(g.pid, g.birth)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return killAndAwait(fd)
}

// killAndAwait ends the process of a descriptor and returns when it has ended.
func killAndAwait(pidfd int) error {
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill process: %w", err)
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// killInside ends what runs in a container of which there is no record.
func killInside(id string) error {
	pids, err := process.Inside(id)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // it has ended
		}
		// Looked at again, now that the pid is held.
		if again, ierr := process.Inside(id); ierr == nil && slices.Contains(again, pid) {
			err = killAndAwait(fd)
		}
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}
