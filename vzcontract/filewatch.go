package vzcontract

import "context"

// A FileWatcher tells what becomes of files of a container while it runs.
type FileWatcher interface {
	// WatchFiles calls emit for what happens to path, or to what is in the directory that
	// path is: with opts.Recursive to all below it. The first event is FileWatching: what
	// happens after it is told. It goes on until emit's error, which it returns, ctx's end,
	// that of the container, or that of the directory that is watched; the last two are no
	// error. Events come in order, to one call of emit at a time.
	//
	// Paths are those of a [FileManager]; a link to a directory at the end of path is
	// followed, a link to a file is watched itself. Links and mounts below path are not
	// entered. What is no directory is watched by its name: it may be replaced, go, and
	// come again. A path that is missing is ErrNotFound, a container that is not running
	// ErrConflict, more than [MaxWatched] directories ErrUnsupported.
	//
	// A container can make more happen than is told: FileMissed says so, and what is there
	// is then to be listed anew. What comes to be in a directory just before that is
	// watched may be told twice. Files of the host that are mounted in a machine change
	// unseen if the host changes them.
	WatchFiles(ctx context.Context, container, path string, opts WatchOptions, emit func(FileEvent) error) error
}

// MaxWatched is how many directories one FileWatcher.WatchFiles looks at.
const MaxWatched = 8192

// WatchOptions of FileWatcher.WatchFiles.
type WatchOptions struct {
	Recursive bool `json:"recursive,omitempty"`
}

// A FileEventKind is what has happened to a file.
type FileEventKind string

// The kinds of events.
const (
	FileWatching   FileEventKind = "watching"   // from now on is told what happens
	FileCreated    FileEventKind = "created"    // it is there now, made or moved from where nobody looks
	FileModified   FileEventKind = "modified"   // who had it open for writing has closed it
	FileAttributes FileEventKind = "attributes" // mode, owner, time or the like
	FileRemoved    FileEventKind = "removed"    // it is not there any more, or was moved to where nobody looks
	FileMoved      FileEventKind = "moved"      // it has another path; it may have replaced what was there
	FileMissed     FileEventKind = "missed"     // more has happened at or below Path than was told
)

// A FileEvent is one thing that happened to a file. Paths are absolute, in the container,
// and of any bytes.
type FileEvent struct {
	Kind FileEventKind `json:"kind"`
	Path string        `json:"path"`
	From string        `json:"from,omitempty"` // the path before, of FileMoved
	Dir  bool          `json:"dir,omitempty"`  // it is a directory
}
