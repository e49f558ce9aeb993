package filewatch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
)

// An event is one of the kernel's.
type event struct {
	wd           int
	mask, cookie uint32
	name         string
}

func (e event) has(bits uint32) bool { return e.mask&bits != 0 }
func (e event) dir() bool            { return e.has(unix.IN_ISDIR) }

// next takes the first event off what was read.
func next(b []byte) (e event, rest []byte) {
	length := binary.NativeEndian.Uint32(b[12:])
	e = event{
		wd:   int(int32(binary.NativeEndian.Uint32(b))), //nolint:gosec // as the kernel has it
		mask: binary.NativeEndian.Uint32(b[4:]), cookie: binary.NativeEndian.Uint32(b[8:]),
	}
	name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+length], []byte{0})
	e.name = string(name)
	return e, b[unix.SizeofInotifyEvent+length:]
}

// A departure is the first half of a move.
type departure struct {
	node   *node
	name   string
	cookie uint32
	dir    bool
}

// handleAll handles what one read has given.
func (w *watcher) handleAll(ctx context.Context, b []byte) error {
	for len(b) >= unix.SizeofInotifyEvent {
		var e event
		e, b = next(b)
		if err := w.handle(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) handle(ctx context.Context, e event) error {
	if e.has(unix.IN_Q_OVERFLOW) {
		return errOverflow
	}
	n := w.nodes[e.wd]
	if w.from != nil && !(n != nil && e.has(unix.IN_MOVED_TO) && e.cookie == w.from.cookie) && e.name != "" {
		if err := w.depart(); err != nil {
			return err
		}
	}
	switch {
	case n == nil: // its watch was ended
		return nil
	case n == w.top && e.has(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT|unix.IN_IGNORED):
		return w.gone()
	case e.has(unix.IN_IGNORED):
		w.drop(n)
		return nil
	case e.name == "":
		if n == w.top && e.has(unix.IN_ATTRIB) && w.only == "" {
			return w.emit(vzcontract.FileEvent{Kind: vzcontract.FileAttributes, Path: w.base, Dir: true})
		}
		return nil // of a directory below, whose parent tells it
	}
	err := w.named(ctx, n, e)
	if errors.Is(err, errGone) {
		return w.gone()
	}
	return err
}

// named handles what has happened to a name in a directory.
func (w *watcher) named(ctx context.Context, n *node, e event) error {
	told := vzcontract.FileEvent{Path: w.path(n, e.name), Dir: e.dir()}
	switch {
	case e.has(unix.IN_MOVED_FROM):
		w.forgotten(n, e.name)
		w.from = &departure{node: n, name: e.name, cookie: e.cookie, dir: e.dir()}
		return nil
	case e.has(unix.IN_MOVED_TO):
		return w.arrive(ctx, n, e, told)
	case e.has(unix.IN_CREATE):
		told.Kind = vzcontract.FileCreated
		if !w.forgotten(n, e.name) {
			if err := w.tell(told, e.name); err != nil {
				return err
			}
		}
		if e.dir() {
			return w.appeared(ctx, n, e.name)
		}
		return nil
	case e.has(unix.IN_DELETE):
		w.forgotten(n, e.name)
		told.Kind = vzcontract.FileRemoved
	case e.has(unix.IN_CLOSE_WRITE):
		told.Kind = vzcontract.FileModified
	default:
		told.Kind = vzcontract.FileAttributes
	}
	return w.tell(told, e.name)
}

// arrive is the second half of a move, or the whole if it comes from elsewhere.
func (w *watcher) arrive(ctx context.Context, n *node, e event, told vzcontract.FileEvent) error {
	from := w.from
	w.from = nil
	told.Kind = vzcontract.FileCreated
	names := []string{e.name}
	if from != nil {
		told.Kind, told.From = vzcontract.FileMoved, w.path(from.node, from.name)
		names = append(names, from.name)
		if child := from.node.children[from.name]; child != nil {
			if w.unwatch(n.children[e.name]); w.nodes[child.wd] == child { // what was there has been replaced
				w.move(child, place{n, e.name})
			}
		}
	}
	if err := w.tell(told, names...); err != nil || !e.dir() {
		return err
	}
	if from != nil && n.children[e.name] != nil {
		return nil // it is watched, with all below it
	}
	return w.appeared(ctx, n, e.name)
}

// depart tells of a move to where nobody looks.
func (w *watcher) depart() error {
	from := w.from
	w.from = nil
	path := w.path(from.node, from.name)
	w.unwatch(from.node.children[from.name])
	return w.tell(vzcontract.FileEvent{Kind: vzcontract.FileRemoved, Path: path, Dir: from.dir}, from.name)
}

// tell emits an event of one or two names, if one of them is looked for.
func (w *watcher) tell(e vzcontract.FileEvent, names ...string) error {
	for _, name := range names {
		if w.only == "" || name == w.only {
			return w.emit(w.within(e))
		}
	}
	return nil
}

// within puts what was missed in the place of an event deeper than a path can be, as
// directories come to be that are moved into each other.
func (w *watcher) within(e vzcontract.FileEvent) vzcontract.FileEvent {
	if max(len(e.Path), len(e.From)) <= unix.PathMax {
		return e
	}
	base := strings.TrimSuffix(w.base, "/") + "/"
	top, _, _ := strings.Cut(strings.TrimPrefix(e.Path, base), "/")
	return vzcontract.FileEvent{Kind: vzcontract.FileMissed, Path: base + top, Dir: true}
}
