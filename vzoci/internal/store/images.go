package store

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
)

// An Image is what the store knows about one image. Its record is written
// after all that it names was synced.
type Image struct {
	// Info is complete but for the references.
	Info vzcontract.ImageInfo `json:"info"`
	// Manifests of the image, the one that came last first: the same config
	// may have come with layers compressed in several ways.
	Manifests []v1.Descriptor `json:"manifests"`
	// Documents are indexes that led to it.
	Documents []v1.Hash `json:"documents,omitempty"`
	// Blobs are the config and all layers of all manifests.
	Blobs []v1.Hash `json:"blobs"`
	// Layers are the unpacked ones, the lowest first.
	Layers []LayerUse `json:"layers"`
	Made   time.Time  `json:"made"`
}

// A LayerUse is one layer of an image.
type LayerUse struct {
	ChainID v1.Hash `json:"chainID"`
	Size    int64   `json:"size"` // bytes on disk
}

func (i *Image) check(key string) error {
	if i.Info.ID != "sha256:"+key {
		return errors.New("its id is not that of the file")
	}
	if len(i.Manifests) == 0 {
		return errors.New("no manifest")
	}
	for _, d := range i.Manifests {
		if !valid(d.Digest) {
			return errors.New("no digest")
		}
	}
	for _, l := range i.Layers {
		if !valid(l.ChainID) {
			return errors.New("no chain id")
		}
	}
	if slices.ContainsFunc(slices.Concat(i.Documents, i.Blobs), func(d v1.Hash) bool { return !valid(d) }) {
		return errors.New("no digest")
	}
	return nil
}

// ID returns the digest of the config.
func (i *Image) ID() v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: i.Info.ID[len("sha256:"):]} }

// merge adds what an older record of the same image names.
func (i *Image) merge(old Image) {
	for _, m := range old.Manifests {
		if !slices.ContainsFunc(i.Manifests, func(d v1.Descriptor) bool { return d.Digest == m.Digest }) {
			i.Manifests = append(i.Manifests, m)
		}
	}
	i.Documents = union(i.Documents, old.Documents)
	i.Blobs = union(i.Blobs, old.Blobs)
	i.Made = old.Made
}

func union(a, b []v1.Hash) []v1.Hash {
	for _, d := range b {
		if !slices.Contains(a, d) {
			a = append(a, d)
		}
	}
	return a
}

// Image returns the record of an image, or fs.ErrNotExist.
func (s *Store) Image(id v1.Hash) (Image, error) {
	var i Image
	err := readRecord(s.path(dirImages, id.Hex+recordSuffix), &i)
	return i, err
}

// Images returns all images, the newest first. It fails if a record cannot be
// read.
func (s *Store) Images() ([]Image, error) {
	var all []Image
	err := s.records(dirImages, func(path string) error {
		var i Image
		if err := readRecord(path, &i); err != nil {
			return err
		}
		all = append(all, i)
		return nil
	})
	slices.SortFunc(all, func(a, b Image) int {
		if c := b.Info.Created.Compare(a.Info.Created); c != 0 {
			return c
		}
		return b.Made.Compare(a.Made)
	})
	return all, err
}

// notExist tells a missing record from other failures.
func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
