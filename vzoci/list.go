package vzoci

import (
	"context"

	"vz.internal/vzcontract"
)

// ListImages implements vzcontract.Images. The newest come first.
func (s *Store) ListImages(ctx context.Context) ([]vzcontract.ImageInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	images, err := s.store.Images()
	if err != nil {
		return nil, err
	}
	refs, err := s.store.Refs()
	if err != nil {
		return nil, err
	}
	list := make([]vzcontract.ImageInfo, 0, len(images))
	for _, i := range images {
		list = append(list, named(i, refs))
	}
	return list, nil
}

// InspectImage implements vzcontract.Images.
func (s *Store) InspectImage(ctx context.Context, ref string) (vzcontract.ImageInfo, error) {
	if err := ctx.Err(); err != nil {
		return vzcontract.ImageInfo{}, err
	}
	f, err := s.find(ref)
	if err != nil {
		return vzcontract.ImageInfo{}, failure("inspect", ref, err)
	}
	return s.describe(f)
}

// describe returns an image with all its names.
func (s *Store) describe(f found) (vzcontract.ImageInfo, error) {
	refs, err := s.store.Refs()
	if err != nil {
		return vzcontract.ImageInfo{}, err
	}
	info := named(f.image, refs)
	if f.ref.Name != "" {
		info.Digest = f.ref.Manifest.Digest.String()
	}
	return info, nil
}
