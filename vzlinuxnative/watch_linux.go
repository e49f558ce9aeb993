package vzlinuxnative

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/statefile"
)

// A watch wakes up when the record of a container changes.
type watch struct {
	b       *Backend
	inotify *os.File
}

// watch begins to watch the directory of a record. One that does not exist is
// vzcontract.ErrNotFound, and a watch that may be closed.
func (b *Backend) watch(id string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch the container: %w", err)
	}
	// State is replaced by renames; the directory goes last.
	const events = unix.IN_MOVED_TO | unix.IN_MODIFY | unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_ONLYDIR
	if _, err := unix.InotifyAddWatch(fd, b.store.Dir(id), events); err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.ENOENT) {
			return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "no such container")
		}
		return nil, fmt.Errorf("watch the container: %w", err)
	}
	return &watch{b, os.NewFile(uintptr(fd), "inotify")}, nil
}

func (w *watch) close() {
	if w != nil {
		w.inotify.Close()
	}
}

// next returns when something has changed since the watch began: the record,
// or the life of the monitor or, without one, of the workload.
func (w *watch) next(ctx context.Context, c *container) error {
	if w == nil {
		return nil
	}
	fds := []int{int(w.inotify.Fd())}
	pid := w.b.monitorPID(c.cfg.ID)
	if c.orphaned {
		pid = c.st.PID
	}
	if c.tended && pid > 0 {
		fd, err := unix.PidfdOpen(pid, 0)
		switch {
		case err == nil:
			defer unix.Close(fd)
			fds = append(fds, fd)
		case c.orphaned || !w.b.monitorLives(c.cfg.ID):
			return nil // it has ended: look again
		}
		// Else the next monitor's pid is about to be written.
	}
	return pollUntil(ctx, fds...)
}

// awaitMonitor returns when no monitor of the container lives. As long as one
// does nobody but it removes the container, and its lock costs less to wait for
// than a directory, whose watch the kernel takes milliseconds to end. (Its
// process may sweep for a while after it gave up the lock.)
func (b *Backend) awaitMonitor(ctx context.Context, id string) error {
	f, err := statefile.Open(filepath.Join(b.store.Dir(id), lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := lockWithin(ctx, f, unix.LOCK_SH); err != nil {
		return err
	}
	return f.Close()
}
