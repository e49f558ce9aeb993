package vzlinuxnative

import (
	"errors"
	"fmt"

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
	fd, err := process.Open(g.pid, g.birth)
	if errors.Is(err, unix.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	pids, err := process.Fellows(g.pid)
	if err == nil && unix.PidfdSendSignal(fd, 0, nil, 0) != nil {
		return nil, nil // it has ended, and the namespace may have been somebody else's
	}
	return pids, err
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
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill process %d: %w", g.pid, err)
	}
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
