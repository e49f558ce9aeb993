package vzoci

import (
	"context"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/store"
)

// Tag gives an image one more name, which it takes from the image that has it.
func (s *Store) Tag(ctx context.Context, source, target string) error {
	if target == "" {
		return vzcontract.Errorf(vzcontract.ErrValidation, "tag %s: the new name is empty", source)
	}
	name, err := tagName(target)
	if err != nil {
		return err
	}
	f, err := s.find(source)
	if err != nil {
		return failure("tag", source, err)
	}
	ref := f.ref
	if ref.Name == "" {
		m := f.image.Manifests[0]
		ref = store.Ref{Image: f.image.ID(), Target: m, Manifest: m}
	}
	ref.Name, ref.Made, ref.Source = name, time.Now().UTC(), ""
	err = s.store.Tag(ctx, ref)
	if notExist(err) {
		err = noSuchImage() // it went this moment
	}
	return failure("tag", source, err)
}
