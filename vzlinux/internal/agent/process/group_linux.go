package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Root is the cgroup under which each program gets its own. It exists in a guest
// that the agent has booted.
const Root = "/sys/fs/cgroup/vz.exec"

var counter atomic.Uint64

// A group is a program's cgroup, or nil where there are none.
type group struct {
	dir string
	fd  int // for the start alone
}

// newGroup makes a cgroup and lets attr start the program in it; started must be
// called after that.
func newGroup(attr *syscall.SysProcAttr) (*group, error) {
	if _, err := os.Stat(Root); err != nil {
		return nil, nil
	}
	g := &group{dir: filepath.Join(Root, fmt.Sprintf("%d-%d", os.Getpid(), counter.Add(1)))}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	g.fd, err = syscall.Open(g.dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		_ = os.Remove(g.dir)
		return nil, err
	}
	attr.UseCgroupFD, attr.CgroupFD = true, g.fd
	return g, nil
}

func (g *group) started() {
	if g != nil {
		_ = syscall.Close(g.fd)
	}
}

func (g *group) kill() {
	if g != nil {
		_ = os.WriteFile(filepath.Join(g.dir, "cgroup.kill"), []byte("1"), 0)
	}
}

func (g *group) oomKilled() bool {
	if g == nil {
		return false
	}
	events, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if err != nil {
		return false
	}
	count, ok := field(string(events), "oom_kill")
	return ok && count != "0"
}

// remove removes the cgroup unless something lives in it, and tells whether it is
// gone.
func (g *group) remove() bool {
	if g == nil {
		return true
	}
	err := os.Remove(g.dir)
	return err == nil || errors.Is(err, fs.ErrNotExist)
}

// empty returns when nothing lives in the cgroup, after the time at the latest.
func (g *group) empty(limit time.Duration) {
	if g == nil {
		return
	}
	f, err := os.Open(filepath.Join(g.dir, "cgroup.events"))
	if err != nil {
		return
	}
	defer f.Close()
	for end := time.Now().Add(limit); time.Until(end) > 0; {
		var events [256]byte
		n, err := f.ReadAt(events[:], 0)
		if n == 0 && err != nil {
			return
		}
		if populated, _ := field(string(events[:n]), "populated"); populated == "0" {
			return
		}
		// The kernel notifies each change of the file.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(f.Fd()), Events: unix.POLLPRI}}, int(time.Until(end).Milliseconds())+1)
	}
}

// field returns the value of a "name value" line.
func field(text, name string) (string, bool) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}
