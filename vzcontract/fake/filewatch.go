package fake

import (
	"bytes"
	"context"
	"io/fs"
	"path"
	"strings"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake/internal/tree"
)

// WatchFiles implements vzcontract.FileWatcher. What is moved is told as created and
// removed, and each write as modified.
func (b *Backend) WatchFiles(ctx context.Context, ref, name string, opts vzcontract.WatchOptions, emit func(vzcontract.FileEvent) error) error {
	w := &fileWatch{told: name, recursive: opts.Recursive, more: make(chan struct{}, 1)}
	var r *run
	err := b.managed(ctx, "watch files of", ref, name, vzcontract.CheckFilePath, func(view *tree.View) error {
		c, err := b.find("watch files of", ref)
		if err != nil {
			return err
		}
		if c.Info.State != vzcontract.StateRunning {
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container is %s, not running", c.Info.State)
		}
		if err := b.here(c); err != nil {
			return err
		}
		if r = b.runs[c.Info.ID]; r == nil {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "no process runs the container: it is a record")
		}
		return w.begin(view)
	})
	if err != nil {
		return err
	}
	defer w.stop()
	if err := emit(vzcontract.FileEvent{Kind: vzcontract.FileWatching, Path: name, Dir: w.only == ""}); err != nil {
		return err
	}
	for {
		for _, e := range w.take() {
			if err := emit(e); err != nil {
				return err
			}
			if e.Kind == vzcontract.FileRemoved && e.Path == name && w.only == "" {
				return nil
			}
		}
		select {
		case <-w.more:
		case <-r.done:
			return nil
		case <-ctx.Done():
			return contextError(ctx)
		}
	}
}

// maxQueued is how many events wait to be emitted.
const maxQueued = 16384

// A fileWatch is one call of WatchFiles.
type fileWatch struct {
	told      string // the path as it was asked for
	base      string // the directory that is watched, without links
	only      string // the name in it that is; empty for all
	recursive bool
	view      *tree.View
	stop      func()
	more      chan struct{} // holds one value while there are events

	mu     sync.Mutex
	events []vzcontract.FileEvent // guarded by mu
}

// begin finds out what the path is, and watches it.
func (w *fileWatch) begin(view *tree.View) error {
	n, err := view.Stat(w.told)
	if err != nil {
		return err
	}
	w.view, w.base = view, w.told
	if !n.Mode.IsDir() {
		if err := mustBeDir(view, w.told); err != nil && (strings.HasSuffix(w.told, "/") || strings.HasSuffix(w.told, "/.")) {
			return err
		}
		w.base, w.only, w.recursive = path.Dir(w.told), path.Base(w.told), false
	}
	if w.base, err = view.Resolve(w.base, tree.FollowLast); err == nil {
		w.stop = view.Watch(w.see)
	}
	return err
}

// see notes a change, if it is one of what is watched.
func (w *fileWatch) see(c tree.Change) {
	below, ok := strings.CutPrefix(c.Path, strings.TrimSuffix(w.base, "/")+"/")
	switch {
	case c.Path == w.base && w.only == "": // itself
	case !ok, w.only != "" && below != w.only, !w.recursive && strings.Contains(below, "/"), w.view.MountOf(c.Path) != w.view.MountOf(w.base):
		return
	}
	e := vzcontract.FileEvent{Kind: vzcontract.FileModified, Path: w.told, Dir: c.Is.Mode.IsDir()}
	if w.only == "" && below != "" && ok {
		e.Path = strings.TrimSuffix(w.told, "/") + "/" + below
	}
	switch {
	case c.Gone:
		e.Kind, e.Dir = vzcontract.FileRemoved, c.Was.Mode.IsDir()
	case c.Made:
		e.Kind = vzcontract.FileCreated
	case e.Dir, c.Is.Mode&fs.ModeSymlink == 0 && bytes.Equal(c.Is.Data, c.Was.Data):
		e.Kind = vzcontract.FileAttributes
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.events) == maxQueued {
		e = vzcontract.FileEvent{Kind: vzcontract.FileMissed, Path: w.told, Dir: w.only == ""}
		w.events = w.events[:0]
	}
	w.events = append(w.events, e)
	select {
	case w.more <- struct{}{}:
	default:
	}
}

func (w *fileWatch) take() []vzcontract.FileEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.events
	w.events = nil
	return all
}
