// Package tree holds small file trees in memory, shows host directories as
// such trees, and stacks them as a container sees them.
package tree

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Node is one file, directory or symbolic link. Nodes that an FS returned
// are not changed.
type Node struct {
	Mode    fs.FileMode `json:"mode"`
	UID     uint32      `json:"uid,omitempty"`
	GID     uint32      `json:"gid,omitempty"`
	ModTime time.Time   `json:"modTime"`
	Data    []byte      `json:"data,omitempty"` // of a file
	Link    string      `json:"link,omitempty"` // of a symbolic link
}

// An FS is a file tree. Paths are absolute, clean and never follow links: each
// names the node itself. Errors are those of io/fs and syscall.
type FS interface {
	Node(name string) (Node, error)
	Names(dir string) ([]string, error)
	// Put makes or replaces a node; its parent must be a directory. A
	// directory is not replaced by anything else.
	Put(name string, n Node) error
	// Remove removes a file, a link or an empty directory.
	Remove(name string) error
}

// Mem is an FS in memory.
type Mem struct {
	mu    sync.Mutex
	nodes map[string]Node // guarded by mu
}

// NewMem returns a tree that holds an empty root directory.
func NewMem() *Mem {
	return &Mem{nodes: map[string]Node{"/": {Mode: fs.ModeDir | 0o755, ModTime: time.Now()}}}
}

// FromNodes returns a tree that owns nodes, as Nodes returned them.
func FromNodes(nodes map[string]Node) *Mem {
	if _, ok := nodes["/"]; !ok {
		return NewMem()
	}
	return &Mem{nodes: nodes}
}

// Nodes returns a copy of the tree by path.
func (m *Mem) Nodes() map[string]Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.nodes)
}

// Clone returns a tree with the same content.
func (m *Mem) Clone() *Mem { return &Mem{nodes: m.Nodes()} }

// Node implements FS.
func (m *Mem) Node(name string) (Node, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.nodes[name]
	if !ok {
		return Node{}, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// Names implements FS.
func (m *Mem) Names(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.names(dir), nil
}

func (m *Mem) names(dir string) []string {
	prefix := strings.TrimSuffix(dir, "/") + "/"
	var names []string
	for p := range m.nodes {
		rest, ok := strings.CutPrefix(p, prefix)
		if ok && rest != "" && !strings.Contains(rest, "/") {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return names
}

// Put implements FS.
func (m *Mem) Put(name string, n Node) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	parent, ok := m.nodes[path.Dir(name)]
	switch {
	case !ok:
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case !parent.Mode.IsDir():
		return &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	if old, ok := m.nodes[name]; ok && old.Mode.IsDir() && !n.Mode.IsDir() {
		return &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	}
	if n.ModTime.IsZero() {
		n.ModTime = time.Now()
	}
	m.nodes[name] = n
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.nodes[name]
	switch {
	case !ok:
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	case name == "/":
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.EBUSY}
	case n.Mode.IsDir() && len(m.names(name)) > 0:
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	delete(m.nodes, name)
	return nil
}

// Size is the number of bytes in files.
func (m *Mem) Size() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var size int64
	for _, n := range m.nodes {
		size += int64(len(n.Data))
	}
	return size
}

// Errno returns the short text of a file error ("no such file or directory"),
// without its path.
func Errno(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file or directory"
	case errors.Is(err, fs.ErrExist):
		return "file exists"
	}
	return err.Error()
}
