package vzoci

import (
	"context"
	"errors"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/changes"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
)

// ImportOptions of [Store.Import].
type ImportOptions struct {
	Ref      string // its name; "" for none
	Message  string
	Platform string   // os/arch[/variant]; "" is the host's
	Changes  []string // lines of a Dockerfile
}

// Import makes an image of one layer from a root file system's archive: tar,
// plain or compressed with gzip or zstd.
func (s *Store) Import(ctx context.Context, r io.Reader, opts ImportOptions) (info vzcontract.ImageInfo, err error) {
	name, err := tagName(opts.Ref)
	if err != nil {
		return info, err
	}
	platform, err := pull.ParsePlatform(opts.Platform)
	if err != nil {
		return info, err
	}
	now := v1.Time{Time: time.Now().UTC()}
	c := composition{
		name:   name,
		config: v1.ConfigFile{OS: platform.OS, Architecture: platform.Arch, Variant: platform.Variant, Created: now},
		step:   v1.History{Created: now, Comment: opts.Message},
	}
	if opts.Message == "" {
		c.step.Comment = "imported"
	}
	var cfg vzcontract.ImageConfig
	if err := changes.Apply(&cfg, opts.Changes); err != nil {
		return info, err
	}
	c.config.Config = ociConfig(cfg)
	err = s.session(ctx, func(t *store.Session) error {
		layer, err := addPlain(ctx, t, r)
		if err != nil {
			return err
		}
		f, err := s.compose(ctx, t, c, layer)
		if err != nil {
			return err
		}
		info, err = s.describe(f)
		return err
	})
	return info, failure("import", opts.Ref, err)
}

// addPlain stores an archive without its compression.
func addPlain(ctx context.Context, t *store.Session, r io.Reader) (v1.Descriptor, error) {
	plain, err := pull.Decompress(contextReader{ctx, r})
	if err != nil {
		return v1.Descriptor{}, err
	}
	layer, err := t.AddBlob(plain)
	return layer, errors.Join(err, plain.Close())
}

// Decompress returns the bytes that r stands for, which may be compressed with gzip or
// zstd: it goes by the first bytes. What is compressed otherwise is
// vzcontract.ErrUnsupported, damage is vzcontract.ErrValidation when it is read. Close
// does not close r.
func Decompress(r io.Reader) (io.ReadCloser, error) { return pull.Decompress(r) }
