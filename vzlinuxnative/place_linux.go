package vzlinuxnative

import (
	"context"
	"errors"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/inroot"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

// A place is where a path of a container is to be looked for.
type place struct {
	root *os.File
	path string // inside root
	name string // the base name that the path has in the container

	c     *container
	mount string // the target of the mount that root is; empty for the container's root
}

// withPath runs f on the place of a path. In a container that does not run, a
// path below the target of a volume or bind is in that, as if it were mounted.
func (b *Backend) withPath(ctx context.Context, op, ref, p string, write bool, f func(place) error) error {
	return b.settled(ctx, op, ref, func(c *container) error {
		at := place{path: p, name: path.Base(path.Clean("/" + p)), c: c}
		if m, rest, ok := mountAt(c, p); ok {
			if write && m.ReadOnly {
				return vzcontract.Errorf(vzcontract.ErrDenied, "%s: the mount at %s is read-only", vzcontract.ShownPath(p), m.Target)
			}
			source, inside, err := openSource(m)
			if err != nil {
				return err
			}
			defer source.Close()
			at.root, at.path, at.mount = source, inMount(inside, rest, p), m.Target
			return f(at)
		}
		r, err := b.openRoot(ctx, c, write)
		if err != nil {
			return err
		}
		defer r.close()
		at.root = r.File
		return f(at)
	})
}

// beside returns where another path of the container is below the same root; false if
// it is in another one.
func (at place) beside(p string) (string, bool) {
	m, rest, ok := mountAt(at.c, p)
	switch {
	case !ok:
		return p, at.mount == ""
	case m.Target != at.mount:
		return "", false
	}
	return inMount("", rest, p), true
}

// inMount is the path, below what openSource opened, of what is at rest in the mount;
// p, the path in the container, tells whether a slash ends it.
func inMount(inside, rest, p string) string {
	at := path.Join("/", inside, rest)
	if strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") {
		at += "/"
	}
	return at
}

// unmounted refuses a path on or below which the container has a mount.
func unmounted(c *container, p string) error {
	targets := record.OwnMounts()
	for _, m := range record.Mounts(c.cfg, c.st) {
		targets = append(targets, path.Clean("/"+m.Target))
	}
	clean := path.Clean(p)
	for _, target := range targets {
		if target == clean || strings.HasPrefix(target, strings.TrimSuffix(clean, "/")+"/") {
			return vzcontract.Errorf(vzcontract.ErrConflict, "%s: the container has a mount at %s", vzcontract.ShownPath(p), target)
		}
	}
	return nil
}

// mountAt returns the mount that p is at or below in a container that does not
// run, and the rest of p.
func mountAt(c *container, p string) (m record.Mount, rest string, ok bool) {
	if c.st.Live() {
		return m, "", false // the kernel finds it
	}
	p = path.Clean("/" + p)
	for _, candidate := range record.Mounts(c.cfg, c.st) {
		if candidate.HostPath == "" {
			continue // a tmpfs is empty until the container runs
		}
		target := path.Clean("/" + candidate.Target)
		below, inside := strings.CutPrefix(p, strings.TrimSuffix(target, "/")+"/")
		if p != target && !inside || ok && len(target) < len(path.Clean("/"+m.Target)) {
			continue
		}
		if p == target {
			below = ""
		}
		m, rest, ok = candidate, below, true
	}
	return m, rest, ok
}

// openSource opens the directory that a mount shows, or for a file the one in
// which it is, with its name.
func openSource(m record.Mount) (dir *os.File, inside string, err error) {
	if m.Type == vzcontract.MountImage {
		dir, err = rootfs.OpenLayers(m.Layers)
	} else {
		dir, inside, err = openHostPath(m)
	}
	if err != nil || m.Subpath == "" {
		return dir, inside, err
	}
	defer dir.Close()
	// Nothing but the subpath is the container's: its links lead nowhere else.
	fd, err := inroot.Resolve(int(dir.Fd()), m.Subpath, unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOTDIR) {
		inside = path.Base(m.Subpath)
		fd, err = inroot.Resolve(int(dir.Fd()), path.Dir(m.Subpath), unix.O_DIRECTORY)
	}
	if err != nil {
		return nil, "", vzcontract.Errorf(vzcontract.ErrNotFound, "mount %s: subpath: %w", m.Target, err)
	}
	return os.NewFile(uintptr(fd), m.Subpath), inside, nil
}

func openHostPath(m record.Mount) (dir *os.File, inside string, err error) {
	source := m.HostPath
	st, err := os.Stat(source)
	if err != nil {
		return nil, "", vzcontract.Errorf(vzcontract.ErrNotFound, "mount %s: %w", m.Target, err)
	}
	if !st.IsDir() {
		source, inside = path.Split(source)
	}
	dir, err = os.OpenFile(source, unix.O_PATH|unix.O_DIRECTORY, 0)
	return dir, inside, err
}
