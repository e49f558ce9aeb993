package vzlinuxnative

import (
	"context"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
)

// A place is where a path of a container is to be looked for.
type place struct {
	root *os.File
	path string // inside root
	name string // the base name that the path has in the container
}

// withPath runs f on the place of a path. In a container that does not run, a
// path below the target of a volume or bind is in that, as if it were mounted.
func (b *Backend) withPath(ctx context.Context, op, ref, p string, write bool, f func(place) error) error {
	return b.settled(ctx, op, ref, func(c *container) error {
		at := place{path: p, name: path.Base(path.Clean("/" + p))}
		if m, rest, ok := mountAt(record.Mounts(c.cfg, c.st), p); ok && !c.st.Live() {
			if write && m.ReadOnly {
				return vzcontract.Errorf(vzcontract.ErrDenied, "%s: the mount at %s is read-only", p, m.Target)
			}
			source, inside, err := openSource(m)
			if err != nil {
				return err
			}
			defer source.Close()
			at.root, at.path = source, path.Join("/", inside, m.Subpath, rest)
			if strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") {
				at.path += "/"
			}
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

// mountAt returns the mount that p is at or below, and the rest of p.
func mountAt(mounts []record.Mount, p string) (m record.Mount, rest string, ok bool) {
	p = path.Clean("/" + p)
	for _, candidate := range mounts {
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
		return dir, "", err
	}
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
