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

// WatchFiles implements vzcontract.FileWatcher.
func (b *Backend) WatchFiles(ctx context.Context, ref, path string, opts vzcontract.WatchOptions, emit func(vzcontract.FileEvent) error) error {
	var told error // of emit, which is the caller's as it is
	err := b.on(ctx, "watch files of", ref, false, func(c *connection, id string) error {
		return c.WatchFiles(ctx, id, path, opts, func(e vzcontract.FileEvent) error {
			told = emit(e)
			return told
		})
	})
	if told != nil {
		return told
	}
	return err
}
