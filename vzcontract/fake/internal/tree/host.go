package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// maxHostFile bounds what is read of one file of the host.
const maxHostFile = 64 << 20

// Host shows a directory or one file of the host; nothing outside of it can be
// reached.
type Host struct {
	root *os.Root
	base string // inside root
}

// OpenHost returns the tree at the host path name. Close releases it.
func OpenHost(name string) (*Host, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	dir, base := name, "."
	if !info.IsDir() {
		dir, base = filepath.Split(name)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Host{root: root, base: base}, nil
}

// Close releases the directory.
func (h *Host) Close() error { return h.root.Close() }

func (h *Host) name(p string) string { return path.Join(h.base, strings.TrimPrefix(p, "/")) }

// Node implements FS.
func (h *Host) Node(name string) (Node, error) {
	info, err := h.root.Lstat(h.name(name))
	if err != nil {
		return Node{}, err
	}
	n := Node{Mode: info.Mode(), ModTime: info.ModTime()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		n.UID, n.GID = st.Uid, st.Gid
	}
	switch {
	case info.Mode().IsRegular():
		if info.Size() > maxHostFile {
			return Node{}, &fs.PathError{Op: "read", Path: name, Err: syscall.EFBIG}
		}
		n.Data, err = h.root.ReadFile(h.name(name))
	case info.Mode()&fs.ModeSymlink != 0:
		n.Link, err = h.root.Readlink(h.name(name))
	}
	return n, err
}

// Names implements FS.
func (h *Host) Names(dir string) ([]string, error) {
	entries, err := fs.ReadDir(h.root.FS(), h.name(dir))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// Put implements FS.
func (h *Host) Put(name string, n Node) error {
	file := h.name(name)
	switch {
	case n.Mode.IsDir():
		if info, err := h.root.Stat(file); err == nil && info.IsDir() {
			return h.root.Chmod(file, n.Mode.Perm())
		}
		return h.root.Mkdir(file, n.Mode.Perm())
	case n.Mode&fs.ModeSymlink != 0:
		return h.root.Symlink(n.Link, file)
	case n.Mode.IsRegular():
		return h.root.WriteFile(file, n.Data, n.Mode.Perm())
	}
	return fmt.Errorf("put %s: %w", name, syscall.EPERM)
}

// Remove implements FS.
func (h *Host) Remove(name string) error { return h.root.Remove(h.name(name)) }

// Load copies the tree at the host directory dir into memory, without its
// devices and sockets.
func Load(dir string) (*Mem, error) {
	host, err := OpenHost(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }() // only read from
	m := NewMem()
	return m, copyTree(host, m, "/")
}

func copyTree(from, to FS, dir string) error {
	names, err := from.Names(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		p := path.Join(dir, name)
		n, err := from.Node(p)
		if err != nil {
			return err
		}
		if t := n.Mode.Type(); t != 0 && t != fs.ModeDir && t != fs.ModeSymlink {
			continue
		}
		if err := to.Put(p, n); err != nil {
			return err
		}
		if n.Mode.IsDir() {
			if err := copyTree(from, to, p); err != nil {
				return err
			}
		}
	}
	return nil
}
