package route

import (
	"context"

	"vz.internal/vzcontract"
)

// ListDir implements vzcontract.FileManager.
func (b *Backend) ListDir(ctx context.Context, ref, path string) (list []vzcontract.PathStat, err error) {
	err = on(ctx, b, "list files of", ref, func(s vzcontract.FileManager) error {
		list, err = s.ListDir(ctx, ref, path)
		return err
	})
	return list, err
}

// MakeDir implements vzcontract.FileManager.
func (b *Backend) MakeDir(ctx context.Context, ref, path string, mode uint32) error {
	return on(ctx, b, "make directory in", ref, func(s vzcontract.FileManager) error { return s.MakeDir(ctx, ref, path, mode) })
}

// RemovePath implements vzcontract.FileManager.
func (b *Backend) RemovePath(ctx context.Context, ref, path string) error {
	return on(ctx, b, "remove file of", ref, func(s vzcontract.FileManager) error { return s.RemovePath(ctx, ref, path) })
}

// MovePath implements vzcontract.FileManager.
func (b *Backend) MovePath(ctx context.Context, ref, from, to string) error {
	return on(ctx, b, "move file of", ref, func(s vzcontract.FileManager) error { return s.MovePath(ctx, ref, from, to) })
}

// WatchFiles implements vzcontract.FileWatcher.
func (b *Backend) WatchFiles(ctx context.Context, ref, path string, opts vzcontract.WatchOptions, emit func(vzcontract.FileEvent) error) error {
	return on(ctx, b, "watch files of", ref, func(s vzcontract.FileWatcher) error { return s.WatchFiles(ctx, ref, path, opts, emit) })
}
