package vzlinuxnative

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/fault"
	"vz.internal/vzlinuxnative/internal/record"
	"vz.internal/vzlinuxnative/internal/rootfs"
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
		if err := errors.Join(b.copyAside(ctx, b.filesOf(c).Dir, to), thaw()); err != nil {
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
func (b *Backend) copyAside(ctx context.Context, from, to string) (err error) {
	parent := filepath.Dir(to)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(parent, ".new-")
	if err != nil {
		return err
	}
	if err := b.copyTree(ctx, from, fresh); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	fault.Point("checkpoint.copied")
	err = unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if err != nil {
		err = errors.Join(vzcontract.Errorf(vzcontract.ErrConflict, "the checkpoint exists: %w", err), os.RemoveAll(fresh))
	}
	return err
}

// copyTree copies a directory of a container's own files into an empty one. When it
// returns the copy is as safe as Options.Sync makes it.
func (b *Backend) copyTree(ctx context.Context, from, to string) error {
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
	err = treecopy.Copy(ctx, src, dst, treecopy.Options{Marks: true})
	if err == nil && b.opts.Sync != nil {
		err = b.opts.Sync()
	}
	return err
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
	if err := b.copyTree(ctx, from, fresh); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	fault.Point("restore.copied")
	own := b.filesOf(c).Dir
	if err := unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, own, unix.RENAME_EXCHANGE); err != nil {
		return errors.Join(fmt.Errorf("put back the files: %w", err), os.RemoveAll(fresh))
	}
	fault.Point("restore.exchanged")
	return os.RemoveAll(fresh)
}

// Fork implements vzcontract.Checkpointer.
func (b *Backend) Fork(ctx context.Context, ref, name, newName string) (info vzcontract.ContainerInfo, err error) {
	err = b.settled(ctx, "fork", ref, func(c *container) error {
		run := record.RunConfig(c.cfg, c.st)
		run.Name, run.Hostname = newName, ""
		if run.Image != "" {
			run.Image, run.Pull = c.cfg.ImageID, vzcontract.PullNever
		}
		info, err = b.fork(ctx, c, name, run)
		return err
	})
	return info, err
}

// ForkAs is Fork into a container that is made as cfg says, for whoever gives containers
// of this backend what they are made of.
func (b *Backend) ForkAs(ctx context.Context, ref, name string, cfg vzcontract.RunConfig) (info vzcontract.ContainerInfo, err error) {
	err = b.settled(ctx, "fork", ref, func(c *container) error {
		info, err = b.fork(ctx, c, name, cfg)
		return err
	})
	return info, err
}

// fork makes a container that has the checkpoint's files from the first moment.
func (b *Backend) fork(ctx context.Context, c *container, name string, run vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	from, err := b.saved(c, name)
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	if c.st.RootfsDriver == rootfs.DriverCopy {
		return vzcontract.ContainerInfo{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "fork: this host's kernel copies the container's layers and does not stack them, so the checkpoint is a whole root: restore it, commit the container, and make another one of that image")
	}
	fork, err := b.create(ctx, run, func(cfg *record.Config) error {
		own := b.filesOf(&container{cfg: cfg, st: new(record.State)}).Dir
		if err := os.Mkdir(own, 0o700); err != nil {
			return err
		}
		return b.copyTree(ctx, from, own)
	})
	if err != nil {
		return vzcontract.ContainerInfo{}, failure("fork", run.Name, err)
	}
	b.event("create", fork, nil)
	return fork.info(), nil
}
