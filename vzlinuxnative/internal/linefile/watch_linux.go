package linefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A watch tells that something changed in a directory.
type watch struct {
	f       *os.File
	name    string        // of the directory
	parent  int32         // the watch of the directory above
	changed chan struct{} // holds a token when something did
	gone    chan struct{} // closed when the directory is removed
	done    chan struct{} // closed when the goroutine ended
}

func newWatch(dir string) (*watch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if errors.Is(err, unix.EMFILE) {
		err = fmt.Errorf("%w: raise the sysctl fs.inotify.max_user_instances", err)
	}
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	// An open file in it keeps a removed directory from telling that it is
	// gone, so the one above is asked.
	parent, err := unix.InotifyAddWatch(fd, filepath.Dir(dir), unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_ONLYDIR)
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
	}
	if err != nil {
		_ = unix.Close(fd) // of no use
		if errors.Is(err, unix.ENOSPC) {
			err = fmt.Errorf("%w: raise the sysctl fs.inotify.max_user_watches", err)
		}
		return nil, fmt.Errorf("watch %s: %w", dir, err)
	}
	w := &watch{
		f: os.NewFile(uintptr(fd), "inotify"), name: filepath.Base(dir), parent: int32(parent), //nolint:gosec // small
		changed: make(chan struct{}, 1), gone: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

func (w *watch) run() {
	defer close(w.done)
	buf := make([]byte, 16<<10)
	for {
		n, err := w.f.Read(buf)
		if err != nil {
			return // closed
		}
		changed, removed := w.look(buf[:n])
		if removed {
			close(w.gone)
			return
		}
		if changed {
			select {
			case w.changed <- struct{}{}:
			default:
			}
		}
	}
}

// look tells what events mean.
func (w *watch) look(events []byte) (changed, removed bool) {
	for len(events) >= unix.SizeofInotifyEvent {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&events[0]))
		end := min(unix.SizeofInotifyEvent+int(e.Len), len(events))
		if e.Wd != w.parent {
			changed = true
		} else if e.Mask&unix.IN_IGNORED != 0 || string(bytes.TrimRight(events[unix.SizeofInotifyEvent:end], "\x00")) == w.name {
			removed = true
		}
		events = events[end:]
	}
	return changed, removed
}

// wait returns when something changed. It reports whether nothing will change
// any more, because ended is closed or the directory is gone.
func (w *watch) wait(ctx context.Context, ended <-chan struct{}) (final bool, err error) {
	select {
	case <-w.changed:
		return false, nil
	case <-w.gone:
		return true, nil
	case <-ended:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (w *watch) close() error {
	err := w.f.Close()
	<-w.done
	return err
}
