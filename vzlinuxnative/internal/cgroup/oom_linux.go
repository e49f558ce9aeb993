package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fscommon"
	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// OOMKills returns how many processes of the group the kernel has killed for
// want of memory.
func (g *Group) OOMKills() (uint64, error) {
	dir := g.dir("memory")
	if dir == "" {
		return 0, vzcontract.Errorf(vzcontract.ErrUnsupported, "this host has no memory controller")
	}
	file := "memory.oom_control"
	if cgroups.IsCgroup2UnifiedMode() {
		file = "memory.events"
	}
	n, err := fscommon.GetValueByKey(dir, file, "oom_kill")
	if err != nil {
		return 0, fmt.Errorf("read OOM kills of cgroup %s: %w", g.path, err)
	}
	return n, nil
}

// WatchOOM calls emit whenever the group has run out of memory, with the kills
// counted by then, until ctx ends or the group is removed; then it returns nil.
// It waits in the kernel, without polling. Version 1 tells before it kills, so
// that the kill may not be counted yet.
func (g *Group) WatchOOM(ctx context.Context, emit func(kills uint64)) error {
	notify, err := g.oomNotifier()
	switch {
	case err != nil && gone(err):
		return nil
	case err != nil:
		return err
	}
	defer notify.Close()
	stop := context.AfterFunc(ctx, func() { notify.Close() })
	defer stop()
	last, err := g.OOMKills()
	buf := make([]byte, 4096)
	for err == nil {
		if _, rerr := notify.Read(buf); rerr != nil {
			if ctx.Err() != nil || errors.Is(rerr, os.ErrClosed) {
				return nil
			}
			return fmt.Errorf("watch cgroup %s: %w", g.path, rerr)
		}
		var n uint64
		// Version 2 tells of other memory events too.
		if n, err = g.OOMKills(); err == nil && (n > last || !cgroups.IsCgroup2UnifiedMode()) {
			last = n
			emit(n)
		}
	}
	if gone(err) || !g.Exists() {
		return nil
	}
	return err
}

// oomNotifier returns a descriptor that becomes readable at memory events.
func (g *Group) oomNotifier() (*os.File, error) {
	dir := g.dir("memory")
	if dir == "" {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported, "this host has no memory controller")
	}
	if cgroups.IsCgroup2UnifiedMode() {
		return inotifyOn(dir, "memory.events")
	}
	return eventfdOn(dir)
}

// inotifyOn tells of what is written to a file of a cgroup of version 2, and of the
// cgroup's removal. Of that only the parent tells: the kernel's file systems do not
// say of an inode that it was deleted.
func inotifyOn(dir, file string) (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	path := filepath.Join(dir, file)
	_, err = unix.InotifyAddWatch(fd, filepath.Dir(dir), unix.IN_DELETE|unix.IN_ONLYDIR)
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, path, unix.IN_MODIFY)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// eventfdOn asks version 1 to signal OOM, and the group's removal.
func eventfdOn(dir string) (*os.File, error) {
	control, err := os.Open(filepath.Join(dir, "memory.oom_control"))
	if err != nil {
		return nil, err
	}
	defer control.Close()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	event := fmt.Sprintf("%d %d", fd, control.Fd())
	if err := os.WriteFile(filepath.Join(dir, "cgroup.event_control"), []byte(event), 0); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "memory.oom_control"), nil
}
