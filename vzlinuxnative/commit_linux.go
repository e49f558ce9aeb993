package vzlinuxnative

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"strings"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/changes"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/layer"
	"vz.internal/vzlinuxnative/internal/signame"
)

var _ vzcontract.Committer = (*Backend)(nil)

// Commit implements vzcontract.Committer.
func (b *Backend) Commit(ctx context.Context, ref string, opts vzcontract.CommitOptions) (info vzcontract.ImageInfo, err error) {
	err = b.settled(ctx, "commit", ref, func(c *container) error {
		store, ok := b.opts.Images.(vzcontract.LayerCommitter)
		if !ok {
			return vzcontract.Errorf(vzcontract.ErrUnsupported, "the image store takes no new layers")
		}
		cfg := imageConfig(c)
		before := cfg.StopSignal
		if err := changes.Apply(&cfg, opts.Changes); err != nil {
			return err
		}
		if cfg.StopSignal != before {
			if _, err := signame.Parse(cfg.StopSignal); err != nil {
				return err
			}
		}
		thaw, err := b.still(ctx, c, opts.NoPause)
		if err != nil {
			return err
		}
		info, err = b.commit(ctx, c, store, cfg, opts)
		if err := errors.Join(err, thaw()); err != nil {
			return err
		}
		b.event("commit", c, map[string]string{"imageID": info.ID})
		return nil
	})
	return info, err
}

// commit streams the container's changes into the store.
func (b *Backend) commit(ctx context.Context, c *container, store vzcontract.LayerCommitter, cfg vzcontract.ImageConfig, opts vzcontract.CommitOptions) (vzcontract.ImageInfo, error) {
	r, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.CloseWithError(layer.Tar(ctx, b.filesOf(c), w))
	}()
	info, err := store.CommitLayer(ctx, vzcontract.CommitLayerRequest{
		Base: c.cfg.ImageID, Ref: opts.Ref, Author: opts.Author, Comment: opts.Comment,
		CreatedBy: strings.Join(c.cfg.Command, " "), Config: cfg, Layer: r,
	})
	r.Close()
	<-written
	return info, err
}

// still freezes a running container while its files are read, unless told
// not to. The returned function ends that.
func (b *Backend) still(ctx context.Context, c *container, not bool) (thaw func() error, err error) {
	if not || c.st.State != vzcontract.StateRunning {
		return func() error { return nil }, nil
	}
	if c.cfg.CgroupsPath == "" {
		return nil, vzcontract.Errorf(vzcontract.ErrUnsupported,
			"pause the container meanwhile: it has no cgroup of its own (%s); stop it first, or let commit take its files as they are with --pause=false", cgroup.Denied())
	}
	if err := b.Pause(ctx, c.cfg.ID); err != nil {
		return nil, err
	}
	return func() error { return b.Resume(context.WithoutCancel(ctx), c.cfg.ID) }, nil
}

// imageConfig is the image's config with what the container was created with.
func imageConfig(c *container) vzcontract.ImageConfig {
	cfg, run := c.cfg.ImageConfig, c.cfg.Run
	if run.Entrypoint != nil || run.ClearEntrypoint {
		cfg.Entrypoint, cfg.Cmd = run.Entrypoint, nil
	}
	if len(run.Args) > 0 {
		cfg.Cmd = run.Args
	}
	cfg.Env, cfg.WorkingDir, cfg.User = c.cfg.Env, c.cfg.WorkingDir, c.cfg.User
	cfg.Labels = maps.Clone(c.cfg.Labels)
	return cfg
}

// Export implements vzcontract.Committer.
func (b *Backend) Export(ctx context.Context, ref string, w io.Writer) error {
	return b.withRoot(ctx, "export", ref, false, func(_ *container, root *os.File) error {
		return layer.Export(ctx, root, w)
	})
}
