package vzcore

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"vz.internal/vzcore/internal/sparse"
)

// CopyDisk makes to a copy of the disk image from, with its holes. Where the file system
// can, the two share their blocks until one of them is written to. The copy appears when
// it is complete; two may not be made at the same place at once. Nobody writes to from
// meanwhile: its machine is stopped or paused, or its guest keeps still.
func CopyDisk(ctx context.Context, to, from string) error {
	next := to + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // of one that was killed
		return err
	}
	err := copyDisk(ctx, next, from)
	if err == nil {
		err = os.Rename(next, to)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(next))
	}
	return nil
}

func copyDisk(ctx context.Context, to, from string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if clone(to, from) == nil {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = source.Close() }) // which ends the reading
	defer stop()
	err = errors.Join(sparse.Copy(target, source), target.Close())
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
