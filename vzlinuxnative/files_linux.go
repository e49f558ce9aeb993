package vzlinuxnative

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/rootfs"
	"vz.internal/vzlinuxnative/internal/rootview"
)

var _ vzcontract.Copier = (*Backend)(nil)

// A root is a container's root directory, opened.
type root struct {
	*os.File
	lock *os.File // keeps monitors away; nil where the container runs
}

func (r *root) close() {
	r.Close()
	if r.lock != nil {
		r.lock.Close()
	}
}

// openRoot opens a container's root: what its processes see, or else its
// files without its mounts.
func (b *Backend) openRoot(ctx context.Context, c *container, write bool) (*root, error) {
	if c.st.Live() {
		f, err := rootOf(c.st.PID)
		return &root{File: f}, err
	}
	r := new(root)
	if write {
		var err error
		if r.lock, err = b.takeMonitorLock(ctx, c.cfg.ID); err != nil {
			return nil, err
		}
	}
	var err error
	r.File, err = rootfs.Open(rootfs.Options{Layers: c.cfg.Layers, Dir: b.store.Dir(c.cfg.ID), ReadOnly: !write})
	if err != nil {
		if r.lock != nil {
			r.lock.Close()
		}
		return nil, err
	}
	return r, nil
}

// rootOf opens the root of a process, which must still live afterwards: else
// it may be another process's.
func rootOf(pid int) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container has just stopped")
	}
	defer unix.Close(fd)
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil || unix.PidfdSendSignal(fd, 0, nil, 0) != nil {
		if f != nil {
			f.Close()
		}
		return nil, vzcontract.Errorf(vzcontract.ErrConflict, "the container has just stopped")
	}
	return f, nil
}

// withRoot runs f on the root of a container.
func (b *Backend) withRoot(ctx context.Context, op, ref string, write bool, f func(c *container, root *os.File) error) error {
	return b.settled(ctx, op, ref, func(c *container) error {
		r, err := b.openRoot(ctx, c, write)
		if err != nil {
			return err
		}
		defer r.close()
		return f(c, r.File)
	})
}

// CopyIn implements vzcontract.Copier.
func (b *Backend) CopyIn(ctx context.Context, ref, dir string, tar io.Reader, opts vzcontract.CopyInOptions) error {
	return b.withPath(ctx, "copy into", ref, dir, true, func(at place) error {
		return rootview.In(ctx, at.root, at.path, tar, opts)
	})
}

// CopyOut implements vzcontract.Copier.
func (b *Backend) CopyOut(ctx context.Context, ref, path string) (r io.ReadCloser, st vzcontract.PathStat, err error) {
	err = b.withPath(ctx, "copy from", ref, path, false, func(at place) error {
		r, st, err = rootview.OutAs(ctx, at.root, at.path, at.name)
		return err
	})
	return r, st, err
}

// StatPath implements vzcontract.Copier.
func (b *Backend) StatPath(ctx context.Context, ref, path string) (st vzcontract.PathStat, err error) {
	err = b.withPath(ctx, "cp", ref, path, false, func(at place) error {
		st, err = rootview.Stat(at.root, at.path)
		st.Name = at.name
		return err
	})
	return st, err
}
