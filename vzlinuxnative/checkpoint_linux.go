package vzlinuxnative

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/treecopy"
)

var _ vzcontract.Checkpointer = (*Backend)(nil)

func (b *Backend) checkpoint(id, name string) string {
	return filepath.Join(b.store.Dir(id), "checkpoints", name)
}

// Checkpoint implements vzcontract.Checkpointer: it keeps a copy of the
// container's own files. A running container is frozen meanwhile.
func (b *Backend) Checkpoint(ctx context.Context, ref, name string, class vzcontract.CheckpointClass) error {
	return b.settled(ctx, "checkpoint", ref, func(c *container) error {
		switch {
		case class == vzcontract.CheckpointFull:
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "a container on this host cannot keep its memory, only its files (fs_quick)")
		case class != vzcontract.CheckpointFiles:
			return invalid("unknown class %q", class)
		case !vzcontract.ValidName(name):
			return invalid("invalid name %q", name)
		}
		to := b.checkpoint(c.cfg.ID, name)
		if _, err := os.Lstat(to); err == nil {
			return vzcontract.Errorf(vzcontract.ErrConflict, "the checkpoint %s exists", name)
		}
		if err := b.prepareFiles(ctx, c); err != nil {
			return err
		}
		thaw, err := b.still(ctx, c, false)
		if err != nil {
			return err
		}
		if err := errors.Join(copyAside(ctx, b.filesOf(c).Dir, to), thaw()); err != nil {
			return err
		}
		b.event("checkpoint", c, map[string]string{"checkpoint": name})
		return nil
	})
}

// prepareFiles makes the directory of the container's own files, which one
// that never ran does not have.
func (b *Backend) prepareFiles(ctx context.Context, c *container) error {
	if c.st.Live() {
		return nil
	}
	r, err := b.openRoot(ctx, c, true)
	if err != nil {
		return err
	}
	r.close()
	return nil
}

// copyAside copies a directory so that to is there as a whole or not at all.
func copyAside(ctx context.Context, from, to string) (err error) {
	parent := filepath.Dir(to)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(parent, ".new-")
	if err != nil {
		return err
	}
	if err := copyTree(ctx, from, fresh); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	err = unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err != nil {
		err = errors.Join(vzcontract.Errorf(vzcontract.ErrConflict, "the checkpoint exists: %w", err), os.RemoveAll(fresh))
	}
	return err
}

func copyTree(ctx context.Context, from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Open(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	return treecopy.Copy(ctx, src, dst, treecopy.Options{})
}

// saved returns the directory of a checkpoint.
func (b *Backend) saved(c *container, name string) (string, error) {
	dir := b.checkpoint(c.cfg.ID, name)
	if !vzcontract.ValidName(name) {
		return "", invalid("invalid name %q", name)
	}
	if _, err := os.Lstat(dir); err != nil {
		return "", vzcontract.Errorf(vzcontract.ErrNotFound, "no such checkpoint: %s", name)
	}
	return dir, nil
}

// Restore implements vzcontract.Checkpointer.
func (b *Backend) Restore(ctx context.Context, ref, name string) error {
	return b.settled(ctx, "restore", ref, func(c *container) error {
		from, err := b.saved(c, name)
		if err != nil {
			return err
		}
		if !c.down() {
			return vzcontract.Errorf(vzcontract.ErrConflict, "the container is %s: stop it first", c.st.State)
		}
		if err := b.putBack(ctx, c, from); err != nil {
			return err
		}
		b.event("restore", c, map[string]string{"checkpoint": name})
		return nil
	})
}

// putBack makes a copy of the directory from the container's own files, in
// one step.
func (b *Backend) putBack(ctx context.Context, c *container, from string) error {
	if err := b.prepareFiles(ctx, c); err != nil {
		return err
	}
	lock, err := b.takeMonitorLock(ctx, c.cfg.ID)
	if err != nil {
		return err
	}
	defer lock.Close()
	if st, err := b.store.State(c.cfg.ID); err != nil || st.Live() || st.Restarting {
		return errors.Join(err, errStarted)
	}
	fresh, err := os.MkdirTemp(b.store.Dir(c.cfg.ID), "restore-")
	if err != nil {
		return err
	}
	if err := copyTree(ctx, from, fresh); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	own := b.filesOf(c).Dir
	if err := unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, own, unix.RENAME_EXCHANGE); err != nil {
		return errors.Join(fmt.Errorf("put back the files: %w", err), os.RemoveAll(fresh))
	}
	return os.RemoveAll(fresh)
}

// Fork implements vzcontract.Checkpointer.
func (b *Backend) Fork(ctx context.Context, ref, name, newName string) (info vzcontract.ContainerInfo, err error) {
	err = b.settled(ctx, "fork", ref, func(c *container) error {
		from, err := b.saved(c, name)
		if err != nil {
			return err
		}
		run := record.RunConfig(c.cfg, c.st)
		run.Name, run.Hostname = newName, ""
		if run.Image != "" {
			run.Image, run.Pull = c.cfg.ImageID, vzcontract.PullNever
		}
		info, err = b.Create(ctx, run)
		if err != nil {
			return err
		}
		fork, err := b.truth(info.ID)
		if err == nil {
			err = b.putBack(ctx, fork, from)
		}
		if err != nil {
			rm := vzcontract.RemoveOptions{Force: true, Volumes: true}
			return errors.Join(err, b.Remove(context.WithoutCancel(ctx), info.ID, rm))
		}
		return nil
	})
	return info, err
}
