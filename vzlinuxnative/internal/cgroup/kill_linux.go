package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

func isNoDevice(err error) bool { return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ESRCH) }

// Kill ends every process of the group and returns when all are dead. A
// frozen group is thawed, for the dead must run to die.
func (g *Group) Kill() error {
	for {
		// A process that forks faster than it is killed is stopped by the
		// freezer, where there is one.
		frozen := g.setFrozen(true) == nil
		pids, err := g.PIDs()
		if err != nil {
			return err
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("kill process %d of cgroup %s: %w", pid, g.path, err)
			}
		}
		if frozen {
			if err := g.setFrozen(false); err != nil && !gone(err) {
				return err
			}
		}
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := awaitEnd(pid); err != nil {
				return err
			}
		}
	}
}

// awaitEnd waits until a killed process has ended, reaped or not.
func awaitEnd(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wait for process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	for {
		_, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// A Sub is a child of a group that holds one further process and all it
// starts, so that they can be found and killed together. With version 1 it is
// in the freezer hierarchy only.
type Sub struct{ dir, name string }

// NewSub makes the child group for the exec called id. On a host that has
// neither a freezer nor version 2 it is ErrUnsupported.
func (g *Group) NewSub(id string) (*Sub, error) {
	parent := g.dir("freezer")
	switch {
	case g.path == "":
		return nil, errNone()
	case parent == "":
		return nil, errNoFreezer
	}
	if id == "" || strings.ContainsAny(id, "/\n") {
		return nil, vzcontract.Errorf(vzcontract.ErrValidation, "exec id %q is not a file name", id)
	}
	s := &Sub{name: "exec-" + id}
	s.dir = filepath.Join(parent, s.name)
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make cgroup of exec %s: %w", id, err)
	}
	return s, nil
}

// Paths are the sub-cgroups in libcontainer's form: controller to path below
// the container's group.
func (s *Sub) Paths() map[string]string {
	if cgroups.IsCgroup2UnifiedMode() {
		return map[string]string{"": s.name}
	}
	return map[string]string{"freezer": s.name}
}

// Kill ends every process of the group and returns when all are dead.
func (s *Sub) Kill() error {
	if err := os.WriteFile(filepath.Join(s.dir, "cgroup.kill"), []byte("1"), 0); err == nil {
		return s.awaitEmpty()
	}
	for {
		s.write("freezer.state", "FROZEN")
		pids, err := cgroups.GetAllPids(s.dir)
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		s.write("freezer.state", "THAWED")
		if err != nil && !gone(err) {
			return fmt.Errorf("list processes of %s: %w", s.name, err)
		}
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if err := awaitEnd(pid); err != nil {
				return err
			}
		}
	}
}

func (s *Sub) awaitEmpty() error {
	pids, err := cgroups.GetAllPids(s.dir)
	if err != nil && !gone(err) {
		return fmt.Errorf("list processes of %s: %w", s.name, err)
	}
	for _, pid := range pids {
		if err := awaitEnd(pid); err != nil {
			return err
		}
	}
	return nil
}

// write is for the freezer, which may be missing.
func (s *Sub) write(file, value string) {
	_ = os.WriteFile(filepath.Join(s.dir, file), []byte(value), 0)
}

// Remove removes the group when nothing runs in it any more; else the
// container's end does.
func (s *Sub) Remove() { _ = unix.Rmdir(s.dir) }

// Join puts a process into the group.
func (s *Sub) Join(pid int) error {
	return os.WriteFile(filepath.Join(s.dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0)
}
