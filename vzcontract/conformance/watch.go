package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"vz.internal/vzcontract"
)

var watchChecks = []check{
	{name: "watch", feature: vzcontract.FeatureWatch, run: watch},
	{name: "watch-recursive", feature: vzcontract.FeatureWatch, run: watchRecursive},
	{name: "watch-file", feature: vzcontract.FeatureWatch, run: watchFile},
	{name: "watch-names", feature: vzcontract.FeatureWatch, run: watchNames},
	{name: "watch-hostile", feature: vzcontract.FeatureWatch, run: watchHostile},
	{name: "watch-end", feature: vzcontract.FeatureWatch, run: watchEnd},
	{name: "watch-invalid", feature: vzcontract.FeatureWatch, run: watchInvalid},
}

// A watching is a call of WatchFiles under way.
type watching struct {
	e      *env
	cancel context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	events  []vzcontract.FileEvent // guarded by mu
	changed chan struct{}          // closed and replaced by each event; guarded by mu
}

// watch begins to watch and returns when that is told.
func (e *env) watch(id, path string, recursive bool) *watching {
	e.Helper()
	ctx, cancel := context.WithCancel(e.ctx)
	w := &watching{e: e, cancel: cancel, ended: make(chan error, 1), changed: make(chan struct{})}
	go func() {
		w.ended <- e.b.(vzcontract.FileWatcher).WatchFiles(ctx, id, path, vzcontract.WatchOptions{Recursive: recursive}, w.note)
	}()
	e.Cleanup(cancel)
	if first := w.await(vzcontract.FileWatching, path); first != 0 {
		e.Errorf("the first event is number %d", first)
	}
	return w
}

func (w *watching) note(event vzcontract.FileEvent) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, event)
	close(w.changed)
	w.changed = make(chan struct{})
	return nil
}

func (w *watching) seen() ([]vzcontract.FileEvent, chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events), w.changed
}

// await returns the number of an event, for which it waits.
func (w *watching) await(kind vzcontract.FileEventKind, path string) int {
	w.e.Helper()
	for {
		events, changed := w.seen()
		for i, event := range events {
			if event.Kind == kind && event.Path == path {
				return i
			}
		}
		select {
		case <-changed:
		case err := <-w.ended:
			w.e.Fatalf("it ended before %s %q, with %v: %+v", kind, path, err, events)
		case <-w.e.ctx.Done():
			w.e.Fatalf("no event %s %q: %+v", kind, path, events)
		}
	}
}

// end ends the watching and returns its events.
func (w *watching) end() []vzcontract.FileEvent {
	w.e.Helper()
	w.cancel()
	if err := <-w.ended; !errors.Is(err, context.Canceled) {
		w.e.Errorf("watch with a context that was cancelled: %v", err)
	}
	events, _ := w.seen()
	return events
}

// only fails where an event is of a path that has none of the beginnings.
func (w *watching) only(events []vzcontract.FileEvent, beginnings ...string) {
	w.e.Helper()
	for _, event := range events {
		if !slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(event.Path, b) }) {
			w.e.Errorf("an event of what is not watched: %+v", event)
		}
	}
}

func (e *env) mustRun(id, line string) {
	e.Helper()
	if r := e.exec(id, vzcontract.ExecConfig{Args: []string{"sh", "-c", line}}); r.exit.Code != 0 {
		e.Fatalf("%s = exit %+v, stderr %q", line, r.exit, r.stderr)
	}
}

// watch: what programs do in a directory is told, in order, and nothing else.
func watch(e *env) {
	info := e.running()
	e.mustRun(info.ID, "mkdir -p /w/sub /elsewhere")
	w := e.watch(info.ID, "/w", false)
	e.mustRun(info.ID, "echo x > /w/f; echo y > /w/sub/unseen; echo z > /elsewhere/unseen")
	created, modified := w.await(vzcontract.FileCreated, "/w/f"), w.await(vzcontract.FileModified, "/w/f")
	if created > modified {
		e.Errorf("it was modified, event %d, before it was there, event %d", modified, created)
	}
	e.mustRun(info.ID, "chmod 600 /w/f; rm /w/f; mkdir /w/d")
	w.await(vzcontract.FileAttributes, "/w/f")
	w.await(vzcontract.FileRemoved, "/w/f")
	last := w.await(vzcontract.FileCreated, "/w/d")
	events := w.end()
	if !events[last].Dir || events[created].Dir {
		e.Errorf("which is a directory: %+v, %+v", events[last], events[created])
	}
	for _, event := range events {
		if strings.Contains(event.Path, "unseen") {
			e.Errorf("an event of what is not watched: %+v", event)
		}
	}
}

// watchRecursive: also what is below, in directories that are made meanwhile, at once.
func watchRecursive(e *env) {
	info := e.running()
	e.mustRun(info.ID, "mkdir -p /w/there/deep; ln -s /elsewhere /w/link; mkdir /elsewhere")
	w := e.watch(info.ID, "/w", true)
	e.mustRun(info.ID, "echo x > /w/there/deep/f; mkdir -p /w/new/a/b; echo x > /w/new/a/b/f; echo x > /w/link/unseen")
	w.await(vzcontract.FileModified, "/w/there/deep/f")
	w.await(vzcontract.FileCreated, "/w/new/a/b/f")
	// What is moved is told as that or as two events.
	e.mustRun(info.ID, "mkdir /w/to; ln -s x /w/one")
	if err := e.files().MovePath(e.ctx, info.ID, "/w/one", "/w/to/two"); err != nil {
		e.Fatal(err)
	}
	e.mustRun(info.ID, "echo x > /w/last")
	w.await(vzcontract.FileModified, "/w/last")
	events := w.end()
	w.only(events, "/w")
	arrived, left := false, false
	for _, event := range events {
		if event.Path == "/w/to/two" {
			arrived = arrived || event.Kind == vzcontract.FileCreated || event.Kind == vzcontract.FileMoved
			left = left || event.Kind == vzcontract.FileMoved && event.From == "/w/one"
		}
		left = left || event.Path == "/w/one" && event.Kind == vzcontract.FileRemoved
		if strings.Contains(event.Path, "unseen") {
			e.Errorf("an event behind a link: %+v", event)
		}
	}
	if !arrived || !left {
		e.Errorf("a move is told as %+v", events)
	}
}

// watchFile: a file is watched by its name, which may go and come again.
func watchFile(e *env) {
	info := e.running()
	e.mustRun(info.ID, "mkdir /w; echo x > /w/f")
	w := e.watch(info.ID, "/w/f", false)
	e.mustRun(info.ID, "echo y > /w/other; rm /w/f; echo z > /w/f")
	w.await(vzcontract.FileRemoved, "/w/f")
	w.await(vzcontract.FileCreated, "/w/f")
	w.await(vzcontract.FileModified, "/w/f")
	w.only(w.end(), "/w/f")
}

// watchNames: a name may have any bytes.
func watchNames(e *env) {
	info := e.running()
	w := e.watch(info.ID, "/tmp", true)
	name := "/tmp/\xff\xfe\nline\"'"
	if err := e.files().MakeDir(e.ctx, info.ID, name, 0o755); err != nil {
		e.Fatal(err)
	}
	w.await(vzcontract.FileCreated, name)
	w.only(w.end(), "/tmp")
}

// watchHostile: a directory that becomes a link leads nowhere, and much that happens
// ends nothing.
func watchHostile(e *env) {
	info := e.running()
	e.mustRun(info.ID, "mkdir -p /w/d /secret")
	w := e.watch(info.ID, "/w", true)
	e.mustRun(info.ID, "i=0; while [ $i -lt 100 ]; do rm -rf /w/d; ln -s /secret /w/d; echo x > /secret/f; rm /w/d; mkdir -p /w/d/e; echo x > /w/d/e/f; i=$((i+1)); done; echo x > /w/last")
	w.await(vzcontract.FileCreated, "/w/last")
	for _, event := range w.end() {
		if strings.Contains(event.Path, "secret") || event.Path == "/w/d/f" {
			e.Errorf("an event behind a link: %+v", event)
		}
	}
}

// watchEnd: it ends with the directory, with the container and with emit's error.
func watchEnd(e *env) {
	info := e.running()
	e.mustRun(info.ID, "mkdir /w")
	w := e.watch(info.ID, "/w", true)
	e.mustRun(info.ID, "rm -r /w")
	if err := <-w.ended; err != nil {
		e.Errorf("the directory was removed: %v", err)
	}
	events, _ := w.seen()
	if last := events[len(events)-1]; last.Kind != vzcontract.FileRemoved || last.Path != "/w" {
		e.Errorf("the last event is %+v", last)
	}
	enough := errors.New("enough")
	err := e.b.(vzcontract.FileWatcher).WatchFiles(e.ctx, info.ID, "/tmp", vzcontract.WatchOptions{}, func(vzcontract.FileEvent) error { return enough })
	if !errors.Is(err, enough) {
		e.Errorf("emit's error becomes %v", err)
	}
	w = e.watch(info.ID, "/tmp", true)
	e.kill(info.ID)
	if err := <-w.ended; err != nil {
		e.Errorf("the container has ended: %v", err)
	}
}

func watchInvalid(e *env) {
	try := func(id, path string) error {
		return e.b.(vzcontract.FileWatcher).WatchFiles(e.ctx, id, path, vzcontract.WatchOptions{}, func(vzcontract.FileEvent) error { return nil })
	}
	info := e.running()
	e.wantClass("watch what is missing", try(info.ID, "/missing"), vzcontract.ErrNotFound)
	e.wantClass("watch below a file", try(info.ID, "/etc/passwd/x"), vzcontract.ErrValidation)
	e.wantClass("watch a file as a directory", try(info.ID, "/etc/passwd/"), vzcontract.ErrValidation)
	e.wantClass("watch a relative path", try(info.ID, "tmp"), vzcontract.ErrValidation)
	e.wantClass("watch in a missing container", try("nobody", "/tmp"), vzcontract.ErrNotFound)
	e.wantClass("watch in a container that was never started", try(e.create(e.config("true")).ID, "/tmp"), vzcontract.ErrConflict)
}
