package tree

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
)

// maxLinks bounds how many symbolic links one path may follow.
const maxLinks = 40

// A Mount puts an FS at a directory of a View.
type Mount struct {
	Target   string
	FS       FS
	Subpath  string // directory of FS that appears at Target; "/" is all of it
	ReadOnly bool
	// Path names the mounted thing for people: "bind", "tmpfs" or "volume".
	Kind string
}

// A View is a root with mounts on it, as the processes of a container see it.
// Paths may be relative to the root and hold "..", and links are followed as
// the kernel does, never out of the root.
type View struct {
	mounts   atomic.Pointer[[]Mount] // the root first, then by rising length of Target
	watchers watchers
}

// NewView stacks mounts on root.
func NewView(root Mount, mounts ...Mount) *View {
	v := new(View)
	v.set(append([]Mount{root}, mounts...))
	return v
}

func (v *View) set(all []Mount) {
	slices.SortStableFunc(all[1:], func(a, b Mount) int { return len(a.Target) - len(b.Target) })
	v.mounts.Store(&all)
}

// Mounts returns the root and the mounts on it.
func (v *View) Mounts() []Mount { return slices.Clone(*v.mounts.Load()) }

// Add puts one more mount on the view while others look at it; one caller at a time
// adds and takes.
func (v *View) Add(m Mount) { v.set(append(v.Mounts(), m)) }

// Take takes away the mount at target.
func (v *View) Take(target string) {
	v.set(slices.DeleteFunc(v.Mounts(), func(m Mount) bool { return m.Target == target }))
}

// at returns the mount that holds the resolved path p and p's place in it.
func (v *View) at(p string) (Mount, string) {
	for _, m := range slices.Backward(*v.mounts.Load()) {
		if m.Target == "/" || p == m.Target {
			return m, path.Join("/", m.Subpath, strings.TrimPrefix(p, m.Target))
		}
		if rest, ok := strings.CutPrefix(p, m.Target+"/"); ok {
			return m, path.Join("/", m.Subpath, rest)
		}
	}
	return (*v.mounts.Load())[0], p
}

// MountOf returns the target of the mount that holds the resolved path p.
func (v *View) MountOf(p string) string {
	m, _ := v.at(p)
	return m.Target
}

func (v *View) node(p string) (Node, error) {
	m, inner := v.at(p)
	n, err := m.FS.Node(inner)
	if err != nil {
		return n, &fs.PathError{Op: "open", Path: p, Err: cause(err)}
	}
	return n, nil
}

func cause(err error) error {
	if p, ok := err.(*fs.PathError); ok { //nolint:errorlint // only the outermost path is replaced
		return p.Err
	}
	return err
}

// Resolve returns the path without links that name leads to. The last element
// need not exist; whether it is followed when it is a link says follow.
func (v *View) Resolve(name string, follow Follow) (string, error) {
	rest := strings.Split(path.Join("/", name), "/")[1:]
	if strings.Contains(name, "..") {
		rest = strings.Split(name, "/") // ".." after a link means the link's parent
	}
	at, links := "/", 0
	for len(rest) > 0 {
		elem := rest[0]
		rest = rest[1:]
		switch elem {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		next := path.Join(at, elem)
		n, err := v.node(next)
		last := len(rest) == 0
		switch {
		case err != nil && last:
			return next, nil
		case err != nil:
			return "", &fs.PathError{Op: "open", Path: name, Err: cause(err)}
		case n.Mode&fs.ModeSymlink != 0 && (!last || follow == FollowLast):
			if links++; links > maxLinks {
				return "", &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
			}
			if path.IsAbs(n.Link) {
				at = "/"
			}
			rest = append(strings.Split(n.Link, "/"), rest...)
			continue
		case !last && !n.Mode.IsDir():
			return "", &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
		}
		at = next
	}
	return at, nil
}

// Follow says whether the last element of a path is followed.
type Follow bool

// The ways to treat a last element that is a link.
const (
	FollowLast Follow = true
	KeepLast   Follow = false
)

// Stat returns the node at name, following links.
func (v *View) Stat(name string) (Node, error) { return v.stat(name, FollowLast) }

// Lstat returns the node at name itself.
func (v *View) Lstat(name string) (Node, error) { return v.stat(name, KeepLast) }

func (v *View) stat(name string, follow Follow) (Node, error) {
	p, err := v.Resolve(name, follow)
	if err != nil {
		return Node{}, err
	}
	return v.node(p)
}

// Names lists a directory with the mounts in it.
func (v *View) Names(dir string) ([]string, error) {
	p, err := v.Resolve(dir, FollowLast)
	if err != nil {
		return nil, err
	}
	n, err := v.node(p)
	switch {
	case err != nil:
		return nil, err
	case !n.Mode.IsDir():
		return nil, &fs.PathError{Op: "readdir", Path: dir, Err: syscall.ENOTDIR}
	}
	m, inner := v.at(p)
	names, err := m.FS.Names(inner)
	if err != nil {
		return nil, err
	}
	for _, m := range (*v.mounts.Load())[1:] {
		if path.Dir(m.Target) == p {
			names = append(names, path.Base(m.Target))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Put makes or replaces the node at name; a link there is followed unless n
// is one itself.
func (v *View) Put(name string, n Node) error {
	p, err := v.Resolve(name, Follow(n.Mode&fs.ModeSymlink == 0))
	if err != nil {
		return err
	}
	old, missing := v.node(p)
	if err := v.change(p, func(m Mount, inner string) error { return m.FS.Put(inner, n) }); err != nil {
		return err
	}
	v.watchers.tell(Change{Path: p, Was: old, Is: n, Made: missing != nil})
	return nil
}

// Remove removes a file, a link or an empty directory.
func (v *View) Remove(name string) error {
	p, err := v.Resolve(name, KeepLast)
	if err != nil {
		return err
	}
	for _, m := range (*v.mounts.Load())[1:] {
		if m.Target == p {
			return &fs.PathError{Op: "remove", Path: name, Err: syscall.EBUSY}
		}
	}
	old, _ := v.node(p) // what is missing is not removed
	if err := v.change(p, func(m Mount, inner string) error { return m.FS.Remove(inner) }); err != nil {
		return err
	}
	v.watchers.tell(Change{Path: p, Was: old, Gone: true})
	return nil
}

func (v *View) change(p string, do func(Mount, string) error) error {
	m, inner := v.at(p)
	if m.ReadOnly {
		return &fs.PathError{Op: "write", Path: p, Err: syscall.EROFS}
	}
	if err := do(m, inner); err != nil {
		return &fs.PathError{Op: "write", Path: p, Err: cause(err)}
	}
	return nil
}

// MkdirAll makes a directory and what is missing above it.
func (v *View) MkdirAll(name string, perm fs.FileMode) error {
	p, err := v.Resolve(path.Dir(path.Clean("/"+name)), FollowLast)
	if err != nil || !v.isDir(p) {
		if path.Clean("/"+name) == "/" {
			return err
		}
		if err := v.MkdirAll(path.Dir(path.Clean("/"+name)), perm); err != nil {
			return err
		}
	}
	n, err := v.Stat(name)
	switch {
	case err != nil:
		return v.Put(name, Node{Mode: fs.ModeDir | perm})
	case !n.Mode.IsDir():
		return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
	}
	return nil
}

func (v *View) isDir(p string) bool {
	n, err := v.node(p)
	return err == nil && n.Mode.IsDir()
}

// Walk calls fn for name and all below it, parents first, without following
// links. Mounts are walked as part of the tree.
func (v *View) Walk(name string, fn func(p string, n Node) error) error {
	p, err := v.Resolve(name, KeepLast)
	if err != nil {
		return err
	}
	n, err := v.node(p)
	if err != nil {
		return err
	}
	if err := fn(p, n); err != nil || !n.Mode.IsDir() {
		return err
	}
	names, err := v.Names(p)
	if err != nil {
		return err
	}
	for _, base := range names {
		if err := v.Walk(path.Join(p, base), fn); err != nil {
			return err
		}
	}
	return nil
}

// RemoveAll removes name and all below it; a missing name is no error.
func (v *View) RemoveAll(name string) error {
	var paths []string
	err := v.Walk(name, func(p string, _ Node) error {
		paths = append(paths, p)
		return nil
	})
	if err != nil {
		return nil //nolint:nilerr // nothing is there
	}
	for _, p := range slices.Backward(paths) {
		if err := v.Remove(p); err != nil {
			return err
		}
	}
	return nil
}
