package fake

import (
	"context"
	"maps"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/changes"
	"vz.internal/vzcontract/fake/internal/tree"
)

// Commit implements vzcontract.Committer.
func (b *Backend) Commit(ctx context.Context, ref string, opts vzcontract.CommitOptions) (info vzcontract.ImageInfo, err error) {
	err = b.change(ctx, "commit", ref, func(c *container) error {
		if opts.Ref != "" && !validRef(opts.Ref) {
			return failure("commit", c, vzcontract.ErrValidation, "invalid reference %q", opts.Ref)
		}
		cfg := vzcontract.ImageConfig{}
		if img := b.st.Images[c.Info.ImageID]; img != nil {
			cfg = img.Info.Config
		}
		overrideConfig(&cfg, c)
		err := changes.Apply(&cfg, opts.Changes)
		if err == nil && cfg.StopSignal != "" {
			_, err = signalNumber(cfg.StopSignal, "")
		}
		if err != nil {
			return failure("commit", c, vzcontract.ErrValidation, "%w", err)
		}
		img := newImage(cfg, c.Root.Clone(), time.Now())
		img.Info.Author, img.Info.Comment = opts.Author, opts.Comment
		tag := ""
		if opts.Ref != "" {
			tag = normal(opts.Ref)
		}
		img = b.addImage(img, tag)
		b.event("container", "commit", c, map[string]string{"imageID": img.Info.ID})
		info = img.info()
		return nil
	})
	return info, err
}

// overrideConfig carries what the container was created with over to an image.
func overrideConfig(cfg *vzcontract.ImageConfig, c *container) {
	run := c.Info.Config
	cfg.Env = c.Info.Env
	if run.Entrypoint != nil || run.ClearEntrypoint {
		cfg.Entrypoint, cfg.Cmd = run.Entrypoint, nil
	}
	if len(run.Args) > 0 {
		cfg.Cmd = run.Args
	}
	cfg.WorkingDir, cfg.User = c.Info.WorkingDir, c.Info.User
	cfg.Labels = maps.Clone(c.Info.Labels)
}

var _ tree.FS = (*store)(nil)
