package vmbackend

import (
	"context"
	"io"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/vmbackend/internal/guest"
)

// Stats implements vzcontract.Statser.
func (b *Backend) Stats(ctx context.Context, ref string) (s vzcontract.Stats, err error) {
	m, err := b.find(ctx, "stats", ref)
	if err != nil {
		return s, err
	}
	err = b.at(ctx, "stats", ref, m, false, func(c *connection, id string) error {
		if s, err = c.Stats(ctx, id); err != nil || s.Network != nil {
			return err
		}
		return c.control.Call(ctx, guest.MethodTraffic, guest.Of{Record: m.record.ID}, &s.Network)
	})
	return s, err
}

// Top implements vzcontract.Topper. The processes are the guest's.
func (b *Backend) Top(ctx context.Context, ref string) (all []vzcontract.Process, err error) {
	err = b.on(ctx, "top", ref, false, func(c *connection, id string) error {
		all, err = c.Top(ctx, id)
		return err
	})
	return all, err
}

// Diff implements vzcontract.Differ.
func (b *Backend) Diff(ctx context.Context, ref string) (all []vzcontract.Change, err error) {
	err = b.on(ctx, "diff", ref, false, func(c *connection, id string) error {
		all, err = c.Diff(ctx, id)
		return err
	})
	return all, err
}

// Commit implements vzcontract.Committer.
func (b *Backend) Commit(ctx context.Context, ref string, opts vzcontract.CommitOptions) (info vzcontract.ImageInfo, err error) {
	err = b.on(ctx, "commit", ref, false, func(c *connection, id string) error {
		info, err = c.Commit(ctx, id, opts)
		return err
	})
	return info, err
}

// Export implements vzcontract.Committer.
func (b *Backend) Export(ctx context.Context, ref string, w io.Writer) error {
	return b.on(ctx, "export", ref, false, func(c *connection, id string) error { return c.Export(ctx, id, w) })
}

// CopyIn implements vzcontract.Copier.
func (b *Backend) CopyIn(ctx context.Context, ref, dir string, tar io.Reader, opts vzcontract.CopyInOptions) error {
	return b.on(ctx, "copy", ref, false, func(c *connection, id string) error { return c.CopyIn(ctx, id, dir, tar, opts) })
}

// CopyOut implements vzcontract.Copier.
func (b *Backend) CopyOut(ctx context.Context, ref, path string) (tar io.ReadCloser, stat vzcontract.PathStat, err error) {
	err = b.on(ctx, "copy", ref, false, func(c *connection, id string) error {
		if tar, stat, err = c.CopyOut(ctx, id, path); err == nil {
			tar = &heldStream{ReadCloser: tar, release: c.use()}
		}
		return err
	})
	return tar, stat, err
}

// StatPath implements vzcontract.Copier.
func (b *Backend) StatPath(ctx context.Context, ref, path string) (stat vzcontract.PathStat, err error) {
	err = b.on(ctx, "stat", ref, false, func(c *connection, id string) error {
		stat, err = c.StatPath(ctx, id, path)
		return err
	})
	return stat, err
}
