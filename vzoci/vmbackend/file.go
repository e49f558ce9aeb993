package vmbackend

import (
	"context"

	"vz.internal/vzcontract"
)

// ListDir implements vzcontract.FileManager.
func (b *Backend) ListDir(ctx context.Context, ref, path string) (list []vzcontract.PathStat, err error) {
	err = b.on(ctx, "list files of", ref, false, func(c *connection, id string) error {
		list, err = c.ListDir(ctx, id, path)
		return err
	})
	return list, err
}

// MakeDir implements vzcontract.FileManager.
func (b *Backend) MakeDir(ctx context.Context, ref, path string, mode uint32) error {
	return b.on(ctx, "make directory in", ref, false, func(c *connection, id string) error { return c.MakeDir(ctx, id, path, mode) })
}

// RemovePath implements vzcontract.FileManager.
func (b *Backend) RemovePath(ctx context.Context, ref, path string) error {
	return b.on(ctx, "remove file of", ref, false, func(c *connection, id string) error { return c.RemovePath(ctx, id, path) })
}

// MovePath implements vzcontract.FileManager.
func (b *Backend) MovePath(ctx context.Context, ref, from, to string) error {
	return b.on(ctx, "move file of", ref, false, func(c *connection, id string) error { return c.MovePath(ctx, id, from, to) })
}
