package store

import (
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// layerRootOpen is beside the files of a layer whose root is to be that of the
// layer below, which was not there when it was unpacked. No image has such a
// layer: whoever publishes one finishes it first.
const layerRootOpen = "root-from-below"

// MarkRoot notes that the root of the layer that is unpacked into dir, a
// [pull.Layer]'s, is still open.
func MarkRoot(dir string) error {
	return os.WriteFile(filepath.Join(filepath.Dir(dir), layerRootOpen), nil, 0o600)
}

// FinishRoot calls inherit with the files of a layer whose root is open. Several
// may do so at once; all do the same.
func (s *Store) FinishRoot(chain v1.Hash, inherit func(dir string) error) error {
	mark := s.path(dirLayers, chain.Hex, layerRootOpen)
	if !exists(mark) {
		return nil
	}
	if err := inherit(s.LayerDir(chain)); err != nil {
		return err
	}
	if err := os.Remove(mark); err != nil && !notExist(err) {
		return err
	}
	return nil
}
