package filewatch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// Options say what to watch.
type Options struct {
	Root      *os.File // of the container
	Path      string   // inside it, absolute
	Recursive bool
}

// Watch calls emit as vzcontract.FileWatcher promises. It returns nil when the directory
// that is watched has gone, and at ctx's end its cause.
func Watch(ctx context.Context, o Options, emit func(vzcontract.FileEvent) error) error {
	w := &watcher{root: o.Root, recursive: o.Recursive, emit: emit}
	if err := w.begin(o.Path); err != nil {
		return err
	}
	for kind := vzcontract.FileWatching; ; kind = vzcontract.FileMissed {
		err := w.session(ctx, kind)
		switch {
		case errors.Is(err, errOverflow):
		case errors.Is(err, errGone):
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			return err
		}
	}
}

var (
	errOverflow = errors.New("more has happened than the kernel keeps")
	errGone     = errors.New("what is watched has gone")
)

// A watcher is one call of Watch.
type watcher struct {
	root      *os.File
	base      string // the directory that is watched
	only      string // the name in it that is; empty for all
	device    uint64 // of base
	inode     uint64 // of base
	recursive bool
	emit      func(vzcontract.FileEvent) error

	// Of the present session.
	inotify    int
	top        *node
	nodes      map[int]*node // by watch descriptor
	remembered int           // names in all nodes' listed
	from       *departure
	unseen     string // a directory that cannot be watched; empty for none
}

// begin finds out what the path is.
func (w *watcher) begin(name string) error {
	// Not cleaned: what is before a ".." may be a link.
	if w.base = strings.TrimRight(name, "/"); w.base == "" {
		w.base = "/"
	}
	var st unix.Stat_t
	err := w.stat(name, &st)
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.") {
			err = unix.ENOTDIR
		} else {
			w.base, w.only = path.Split(w.base)
			w.recursive = false
			err = w.stat(w.base, &st)
		}
	}
	if err != nil {
		return classify(name, err)
	}
	w.device, w.inode = st.Dev, st.Ino
	return nil
}

func (w *watcher) stat(name string, st *unix.Stat_t) error {
	fd, err := inroot.Resolve(int(w.root.Fd()), name, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fstat(fd, st)
}

// open opens the directory that is watched; it is errGone if another is there now.
func (w *watcher) open() (int, error) {
	fd, err := inroot.Resolve(int(w.root.Fd()), w.base, unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return -1, errGone
	}
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && (st.Dev != w.device || st.Ino != w.inode) {
		err = errGone
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// session watches until the kernel has lost events. Once all is watched it tells kind.
func (w *watcher) session(ctx context.Context, kind vzcontract.FileEventKind) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if errors.Is(err, unix.EMFILE) {
		return vzcontract.Errorf(vzcontract.ErrUnavailable, "watch %s: too many are watched on this host: raise the sysctl fs.inotify.max_user_instances", vzcontract.ShownPath(w.base))
	}
	if err != nil {
		return fmt.Errorf("watch %s: %w", vzcontract.ShownPath(w.base), err)
	}
	in := os.NewFile(uintptr(fd), "inotify")
	defer in.Close()
	stop := context.AfterFunc(ctx, func() { _ = in.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	w.inotify, w.top, w.nodes, w.remembered, w.from, w.unseen = fd, nil, map[int]*node{}, 0, nil, ""
	err = w.watchAll(ctx)
	if errors.Is(err, errGone) {
		return w.gone()
	}
	if err != nil {
		return err
	}
	if err := w.emit(w.whole(kind)); err != nil {
		return err
	}
	if err := w.tellUnseen(); err != nil {
		return err
	}
	return w.read(ctx, in)
}

// gone tells that the directory that is watched is not there any more.
func (w *watcher) gone() error {
	if err := w.emit(w.whole(vzcontract.FileRemoved)); err != nil {
		return err
	}
	return errGone
}

// whole is an event of what is watched.
func (w *watcher) whole(kind vzcontract.FileEventKind) vzcontract.FileEvent {
	if w.only == "" {
		return vzcontract.FileEvent{Kind: kind, Path: w.base, Dir: true}
	}
	return vzcontract.FileEvent{Kind: kind, Path: strings.TrimSuffix(w.base, "/") + "/" + w.only}
}

// pairTime is how long the second half of a move may be behind the first: the kernel
// queues one after the other.
const pairTime = 10 * time.Millisecond

// read handles events as they come.
func (w *watcher) read(ctx context.Context, in *os.File) error {
	buf := make([]byte, 64<<10)
	for {
		if w.from != nil {
			_ = in.SetReadDeadline(time.Now().Add(pairTime)) // an inotify file has deadlines
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		n, err := in.Read(buf)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, os.ErrDeadlineExceeded): // it was moved to where nobody looks
			_ = in.SetReadDeadline(time.Time{})
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err = nil; w.from != nil { // else its second half came with the last read
				err = w.depart()
			}
		case err == nil:
			err = w.handleAll(ctx, buf[:n])
		}
		if err != nil {
			return err
		}
	}
}

// classify gives an error of a path its class.
func classify(name string, err error) error {
	shown := vzcontract.ShownPath(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return vzcontract.Errorf(vzcontract.ErrNotFound, "%s does not exist", shown)
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENAMETOOLONG):
		return vzcontract.Errorf(vzcontract.ErrValidation, "%s: %w", shown, err)
	}
	return fmt.Errorf("%s: %w", shown, err)
}
