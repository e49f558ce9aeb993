package vzoci

import (
	"context"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/internal/unpack"
)

// unpacker unpacks layers of s for real.
func unpacker(s *store.Store) pull.Unpacker {
	return func(ctx context.Context, dir string, r io.Reader, lowers []v1.Hash) (int64, error) {
		result, err := unpack.Apply(ctx, dir, r, unpack.Options{Lowers: layerDirs(s, lowers)})
		if errors.Is(err, unpack.ErrLowerMissing) {
			return 0, pull.ErrLowerMissing
		}
		if err == nil && result.RootFromBelow {
			err = store.MarkRoot(dir)
		}
		return result.Size, err
	}
}

// finishRoots gives layers, the lowest first, the root of the one below where
// unpacking left that open.
func (s *Store) finishRoots(chain []v1.Hash) error {
	for i := 1; i < len(chain); i++ {
		err := s.store.FinishRoot(chain[i], func(dir string) error {
			return unpack.InheritRoot(dir, s.store.LayerDir(chain[i-1]))
		})
		if err != nil {
			return err
		}
	}
	return nil
}
