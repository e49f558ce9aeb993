package vzoci

import (
	"context"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
)

// CommitLayer implements vzcontract.LayerCommitter.
func (s *Store) CommitLayer(ctx context.Context, req vzcontract.CommitLayerRequest) (info vzcontract.ImageInfo, err error) {
	name, err := tagName(req.Ref)
	if err != nil {
		return info, err
	}
	err = s.session(ctx, func(t *store.Session) error {
		c := composition{name: name}
		if c.config, c.layers, err = s.base(ctx, t, req.Base); err != nil {
			return err
		}
		now := v1.Time{Time: time.Now().UTC()}
		c.config.Author, c.config.Created = req.Author, now
		c.config.Config = ociConfig(req.Config)
		c.step = v1.History{Author: req.Author, Created: now, CreatedBy: req.CreatedBy, Comment: req.Comment}
		layer, err := t.AddBlob(contextReader{ctx, req.Layer})
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
	return info, failure("commit", req.Ref, err)
}

// base returns the config and layers to build upon, and holds them.
func (s *Store) base(ctx context.Context, t *store.Session, id string) (v1.ConfigFile, []v1.Descriptor, error) {
	if id == "" {
		p := pull.HostPlatform()
		return v1.ConfigFile{OS: p.OS, Architecture: p.Arch, Variant: p.Variant}, nil, nil
	}
	f, err := s.find(id)
	if err != nil {
		return v1.ConfigFile{}, nil, failure("commit onto", id, err)
	}
	img, err := t.Hold(ctx, f.image.ID())
	if err != nil {
		return v1.ConfigFile{}, nil, err
	}
	doc, config, err := s.documents(img)
	if err != nil {
		return v1.ConfigFile{}, nil, err
	}
	base := *config
	base.Container = "" // of who made the base
	return base, doc.Layers, nil
}
