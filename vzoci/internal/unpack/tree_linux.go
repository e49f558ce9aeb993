package unpack

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const (
	openDir = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	// maxOpen bounds the directories that are kept open.
	maxOpen = 128
	maxPath = 4095
)

// A dir is a directory of the layer that is being unpacked.
type dir struct {
	parent   *dir
	name     string
	length   int // of its path
	children map[string]*dir

	meta      meta // set at the end
	opaque    bool
	passage   bool // made only because a path leads through it
	whiteouts []string
	merged    []int // lower layers it is merged with; see lowers
	mergedGen int   // that merged is of

	fd           int // -1 when closed
	newer, older *dir
	pinned       bool
}

// path of d below the layer's root, which is "".
func (d *dir) path() string {
	if d.parent == nil {
		return ""
	}
	return join(d.parent.path(), d.name)
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "/" + name
}

// keep notes that d holds something of this layer. What holds a kept directory
// is kept.
func (d *dir) keep() {
	for ; d.passage; d = d.parent {
		d.passage = false
	}
}

// tree has all directories of the layer, the ones used last open. Each is
// reached from its parent by one name, so that no symbolic link is followed.
type tree struct {
	root  *dir
	first *dir // used last
	last  *dir
	open  int
	gen   int // changes when directories become opaque or vanish
}

func newTree(fd int) *tree {
	t := &tree{gen: 1}
	t.root = &dir{fd: fd, pinned: true}
	return t
}

func (t *tree) close() {
	for d := t.first; d != nil; d = d.older {
		_ = unix.Close(d.fd) // only an anchor
	}
	_ = unix.Close(t.root.fd)
}

// fd returns d's descriptor. It stays open until the next call for another
// directory, or as long as d is pinned.
func (t *tree) fd(d *dir) (int, error) {
	if d == t.first || d == t.root {
		return d.fd, nil
	}
	if d.fd >= 0 {
		t.unlink(d)
		t.push(d)
		return d.fd, nil
	}
	parent, err := t.fd(d.parent)
	if err != nil {
		return -1, err
	}
	fd, err := openat(parent, d.name, openDir, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: d.path(), Err: err}
	}
	d.fd = fd
	t.push(d)
	for old := t.last; t.open > maxOpen && old != d; {
		next := old.newer
		if !old.pinned {
			t.shut(old)
		}
		old = next
	}
	return fd, nil
}

func (t *tree) push(d *dir) {
	d.older, d.newer = t.first, nil
	if t.first != nil {
		t.first.newer = d
	} else {
		t.last = d
	}
	t.first = d
	t.open++
}

func (t *tree) unlink(d *dir) {
	if d.newer != nil {
		d.newer.older = d.older
	} else {
		t.first = d.older
	}
	if d.older != nil {
		d.older.newer = d.newer
	} else {
		t.last = d.newer
	}
	t.open--
}

func (t *tree) shut(d *dir) {
	t.unlink(d)
	_ = unix.Close(d.fd) // only an anchor
	d.fd = -1
}

// mkdir makes the directory name in parent, for the caller alone until its
// real mode is set.
func (t *tree) mkdir(parent *dir, name string, m meta) (*dir, error) {
	if parent.length+1+len(name) > maxPath {
		return nil, invalid("directories are nested too deep")
	}
	fd, err := t.fd(parent)
	if err != nil {
		return nil, err
	}
	if err := unix.Mkdirat(fd, name, 0o700); err != nil {
		return nil, err
	}
	d := &dir{parent: parent, name: name, length: parent.length + 1 + len(name), meta: m, fd: -1}
	if parent.children == nil {
		parent.children = map[string]*dir{}
	}
	parent.children[name] = d
	return d, nil
}

// remove deletes name, with all that is below it, from d.
func (t *tree) remove(d *dir, name string) error {
	child := d.children[name]
	if child == nil {
		fd, err := t.fd(d)
		if err != nil {
			return err
		}
		return unix.Unlinkat(fd, name, 0)
	}
	t.gen++
	if err := t.empty(child); err != nil {
		return err
	}
	if child.fd >= 0 {
		t.shut(child)
	}
	delete(d.children, name)
	fd, err := t.fd(d)
	if err != nil {
		return err
	}
	return unix.Unlinkat(fd, name, unix.AT_REMOVEDIR)
}

// empty deletes all that is in d.
func (t *tree) empty(d *dir) error {
	var errs []error
	for name := range d.children {
		errs = append(errs, t.remove(d, name))
	}
	d.whiteouts = nil
	fd, err := t.fd(d)
	if errors.Is(err, unix.EACCES) {
		fd, err = t.unlocked(d)
	}
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	names, err := list(fd)
	errs = append(errs, err)
	for _, name := range names {
		errs = append(errs, unix.Unlinkat(fd, name, 0))
	}
	return errors.Join(errs...)
}

// unlocked opens a directory that got a mode without access for its owner.
func (t *tree) unlocked(d *dir) (int, error) {
	parent, err := t.fd(d.parent)
	if err != nil {
		return -1, err
	}
	if err := unix.Fchmodat(parent, d.name, 0o700, 0); err != nil {
		return -1, err
	}
	return t.fd(d)
}

// list returns the names in a directory.
func list(fd int) ([]string, error) {
	again, err := openat(fd, ".", openDir, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(again), ".")
	defer f.Close()
	return f.Readdirnames(-1)
}

// openat goes on after signals.
func openat(fd int, name string, flags int, mode uint32) (int, error) {
	for {
		got, err := unix.Openat(fd, name, flags, mode)
		if err != unix.EINTR {
			return got, err
		}
	}
}
