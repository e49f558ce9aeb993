package provision

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// A Tree is what to write to a volume, parents before what is in them.
type Tree []Entry

// An Entry is a directory or a file.
type Entry struct {
	Path    string      // below the volume's root, with slashes
	Mode    fs.FileMode // permission bits, and fs.ModeDir for a directory
	UID     int
	GID     int
	Content []byte // of a file
	// Needed: the directory is there, or the volume is not what it should be.
	Needed bool
}

// Dir tells whether it is a directory. One that is there stays as it is.
func (e Entry) Dir() bool { return e.Mode.IsDir() }

// Owners on macOS.
const (
	root  = 0
	wheel = 0
	staff = 20
)

func dir(name string, mode fs.FileMode) Entry { return Entry{Path: name, Mode: fs.ModeDir | mode} }

func file(name string, mode fs.FileMode, content []byte) Entry {
	return Entry{Path: name, Mode: mode, UID: root, GID: wheel, Content: content}
}

// owned gives entries to a user.
func owned(uid int, entries ...Entry) []Entry {
	for i := range entries {
		entries[i].UID, entries[i].GID = uid, staff
	}
	return entries
}

// check finds entries that could lead out of the volume or lack their parent.
func (t Tree) check() error {
	dirs := map[string]bool{".": true}
	for _, e := range t {
		if e.Path != path.Clean(e.Path) || strings.HasPrefix(e.Path, "..") || path.IsAbs(e.Path) || e.Path == "." {
			return fmt.Errorf("provision: %q is no path below a volume", e.Path)
		}
		if !dirs[path.Dir(e.Path)] {
			return fmt.Errorf("provision: the parent of %s is not in the tree", e.Path)
		}
		dirs[e.Path] = e.Dir()
	}
	return nil
}
