package store

import (
	"errors"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A note below unsynced/ is a symbolic link, which journals keep in order with
// renames, unlike the contents of files.

func (s *Store) notePath(class string, d v1.Hash) string {
	return s.path(dirUnsynced, class+"-"+d.Hex)
}

// The classes of objects.
const (
	classBlob  = "blob"
	classLayer = "layer"
)

// note says that an object is about to get its name without being synced.
func (s *Store) note(class string, d v1.Hash) error {
	path := s.notePath(class, d)
	for {
		err := os.Symlink(s.boot, path)
		if !errors.Is(err, os.ErrExist) {
			return err
		}
		if old, err := os.Readlink(path); err == nil && old == s.boot {
			return nil
		}
		if err := os.Remove(path); err != nil && !notExist(err) {
			return err
		}
	}
}

// suspect reports whether an object may have lost its contents with the power.
func (s *Store) suspect(class string, d v1.Hash) (bool, error) {
	boot, err := os.Readlink(s.notePath(class, d))
	if notExist(err) || err == nil && boot == s.boot {
		return false, nil
	}
	// The note may have outlived a sync; a record was written after one.
	images, err := s.Images()
	if err != nil {
		return false, err
	}
	known := slices.ContainsFunc(images, func(i Image) bool {
		if class == classBlob {
			return slices.Contains(i.Blobs, d) || slices.Contains(i.Documents, d) ||
				slices.ContainsFunc(i.Manifests, func(m v1.Descriptor) bool { return m.Digest == d })
		}
		return slices.ContainsFunc(i.Layers, func(l LayerUse) bool { return l.ChainID == d })
	})
	return !known, nil
}

// forgetNotes drops the notes of objects that are synced now.
func (s *Store) forgetNotes(notes []string) error {
	for _, path := range notes {
		if err := os.Remove(path); err != nil && !notExist(err) {
			return err
		}
	}
	return nil
}
