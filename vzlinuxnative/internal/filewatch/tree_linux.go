package filewatch

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
)

// A node is a directory that is watched.
type node struct {
	wd       int
	parent   *node
	name     string
	children map[string]*node
	// listed are names that were told as created since they were found in a list: the
	// kernel may tell them too.
	listed map[string]bool
}

// below is the node's path below the directory that is watched; "." for that one.
func (n *node) below() string {
	var names []string
	for ; n.parent != nil; n = n.parent {
		names = append(names, n.name)
	}
	if len(names) == 0 {
		return "."
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

const events = unix.IN_CREATE | unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_EXCL_UNLINK | unix.IN_ONLYDIR

// maxRemembered is how many listed names are remembered in all.
const maxRemembered = 100_000

// errFull: no more directories can be watched.
var errFull = errors.New("too many directories")

// watchAll watches what is there at the beginning.
func (w *watcher) watchAll(ctx context.Context) error {
	err := w.watchTree(ctx, nil, "", false)
	switch {
	case errors.Is(err, errFull):
		return vzcontract.Errorf(vzcontract.ErrUnsupported,
			"watch %s: more than %d directories, or than the sysctl fs.inotify.max_user_watches of this host allows: watch a smaller part, or not what is below",
			vzcontract.ShownPath(w.base), vzcontract.MaxWatched)
	case err == nil && w.top == nil:
		return errGone
	}
	return err
}

// appeared watches a directory that has come, with what is in it already, which it tells.
func (w *watcher) appeared(ctx context.Context, parent *node, name string) error {
	if !w.recursive {
		return nil
	}
	err := w.watchTree(ctx, parent, name, true)
	if errors.Is(err, errFull) {
		w.unseen, err = w.path(parent, name), nil
	}
	if err != nil {
		return err
	}
	return w.tellUnseen()
}

// tellUnseen tells that what is in a directory is not.
func (w *watcher) tellUnseen() error {
	unseen := w.unseen
	if w.unseen = ""; unseen == "" {
		return nil
	}
	return w.emit(w.within(vzcontract.FileEvent{Kind: vzcontract.FileMissed, Path: unseen, Dir: true}))
}

// place is a directory that is to be watched.
type place struct {
	parent *node
	name   string
}

// watchTree watches a directory, and if it was not watched before all below it. Without a
// parent it is the one that is watched.
func (w *watcher) watchTree(ctx context.Context, parent *node, name string, tell bool) error {
	base, err := w.open()
	if err != nil {
		return err
	}
	defer unix.Close(base)
	for todo := []place{{parent, name}}; len(todo) > 0; {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		fd, err := openBelow(base, at)
		if errors.Is(err, unix.ENAMETOOLONG) {
			w.unseen = w.path(at.parent, at.name)
		}
		if passing(err) {
			continue
		}
		if err != nil {
			return err
		}
		n, err := w.watch(fd, at)
		if err == nil && n != nil && (w.recursive || tell) {
			var more []place
			more, err = w.list(ctx, fd, n, tell)
			todo = append(todo, more...)
		}
		if err == nil && len(todo)+len(w.nodes) > vzcontract.MaxWatched {
			err = errFull
		}
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	return nil
}

// openBelow opens a directory without following a link or entering another mount.
func openBelow(base int, at place) (int, error) {
	name := "."
	if at.parent != nil {
		name = path.Join(at.parent.below(), at.name)
	}
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	for {
		fd, err := unix.Openat2(base, name, &how)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// passing reports that what was there is no directory to be entered, or not any more.
func passing(err error) bool {
	for _, reason := range []error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.EXDEV, unix.ENAMETOOLONG} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// watch returns the node of a directory; nil for one that is watched already, which has
// its place now.
func (w *watcher) watch(fd int, at place) (*node, error) {
	if len(w.nodes) >= vzcontract.MaxWatched {
		return nil, errFull
	}
	wd, err := unix.InotifyAddWatch(w.inotify, "/proc/self/fd/"+strconv.Itoa(fd), events)
	switch {
	case errors.Is(err, unix.ENOSPC):
		return nil, errFull
	case err != nil:
		return nil, classify(at.name, err)
	}
	if n := w.nodes[wd]; n != nil {
		w.move(n, at)
		return nil, nil
	}
	n := &node{wd: wd}
	w.nodes[wd] = n
	if at.parent == nil {
		w.top = n
	} else {
		w.move(n, at)
	}
	return n, nil
}

// move gives a node its place.
func (w *watcher) move(n *node, at place) {
	if at.parent == nil || n == w.top {
		return
	}
	for p := at.parent; p != nil; p = p.parent {
		if p == n {
			return // it was moved meanwhile: the event is still to come
		}
	}
	n.leave()
	n.parent, n.name = at.parent, at.name
	if at.parent.children == nil {
		at.parent.children = map[string]*node{}
	}
	at.parent.children[at.name] = n
}

func (n *node) leave() {
	if n.parent != nil && n.parent.children[n.name] == n {
		delete(n.parent.children, n.name)
	}
}

// list looks at what is in a directory that has just been watched, and returns the
// directories in it.
func (w *watcher) list(ctx context.Context, fd int, n *node, tell bool) ([]place, error) {
	dir, err := inroot.Reopen(fd, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var found []place
	for {
		names, err := dir.Readdirnames(1024)
		for _, name := range names {
			var st unix.Stat_t
			if unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT) != nil {
				continue // it has just gone
			}
			isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
			if isDir && w.recursive {
				found = append(found, place{n, name})
			}
			if !tell {
				continue
			}
			w.remember(n, name)
			if err := w.tell(vzcontract.FileEvent{Kind: vzcontract.FileCreated, Path: w.path(n, name), Dir: isDir}, name); err != nil {
				return nil, err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case passing(err):
			return nil, nil // the directory was removed
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case len(found) > vzcontract.MaxWatched:
			return nil, errFull
		}
	}
}

func (w *watcher) remember(n *node, name string) {
	if w.remembered >= maxRemembered {
		return
	}
	if n.listed == nil {
		n.listed = map[string]bool{}
	}
	n.listed[name] = true
	w.remembered++
}

// forgotten takes a name out of those that were listed, and reports whether it was.
func (w *watcher) forgotten(n *node, name string) bool {
	if !n.listed[name] {
		return false
	}
	delete(n.listed, name)
	w.remembered--
	return true
}

// drop forgets a node, which the kernel watches no more.
func (w *watcher) drop(n *node) {
	delete(w.nodes, n.wd)
	w.remembered -= len(n.listed)
	n.listed = nil
	n.leave()
}

// unwatch ends the watches of a directory that was moved away and of all below it.
func (w *watcher) unwatch(n *node) {
	if n == nil {
		return
	}
	for todo := []*node{n}; len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, child := range n.children {
			todo = append(todo, child)
		}
		_, _ = unix.InotifyRmWatch(w.inotify, uint32(n.wd)) // it may have gone by itself
		w.drop(n)
	}
}

// path is that of a name in a node, in the container.
func (w *watcher) path(n *node, name string) string {
	return strings.TrimSuffix(w.base, "/") + "/" + strings.TrimPrefix(path.Join(n.below(), name), "./")
}
