package vzoci

import (
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// found is an image of the store and the name that led to it; Name is empty
// for one found by its id.
type found struct {
	image store.Image
	ref   store.Ref
}

// find looks for what a person calls an image: a reference, the id or a prefix
// of it, or the digest of its manifest. None is ErrNotFound; a prefix of several
// ids is ErrValidation. A reference takes a few reads of files, no listing.
func (s *Store) find(text string) (found, error) { return s.findAmong(text, s.store.Images) }

// findAmong is find where the listing of images, for ids, may be at hand.
func (s *Store) findAmong(text string, list func() ([]store.Image, error)) (found, error) {
	ref, parseErr := reference.Parse(text)
	if parseErr == nil {
		f, err := s.findRef(ref)
		if err == nil || !notExist(err) {
			return f, err
		}
	}
	prefix, isID := idPrefix(text)
	if !isID {
		if parseErr != nil {
			return found{}, parseErr
		}
		return found{}, noSuchImage()
	}
	images, err := list()
	if err != nil {
		return found{}, err
	}
	return pick(images, prefix)
}

// findRef looks for a reference; fs.ErrNotExist is none.
func (s *Store) findRef(ref reference.Reference) (found, error) {
	if ref.Digest != "" {
		ref.Tag = "" // as docker: the digest says it all
	}
	r, err := s.store.Ref(ref.String())
	if err != nil {
		return found{}, err
	}
	img, err := s.store.Image(r.Image)
	if notExist(err) {
		return found{}, vzcontract.Errorf(vzcontract.ErrInternal, "the record of image %s is missing; vz doctor --repair makes it again", r.Image)
	}
	return found{img, r}, err
}

// idPrefix returns the hexadecimal digits that text may mean.
func idPrefix(text string) (string, bool) {
	hex := strings.TrimPrefix(text, "sha256:")
	if hex == "" || len(hex) > 64 || strings.Trim(hex, "0123456789abcdef") != "" {
		return "", false
	}
	return hex, true
}

func pick(images []store.Image, prefix string) (found, error) {
	whole := func(d v1.Descriptor) bool { return d.Digest.Hex == prefix }
	var list []store.Image
	for _, i := range images {
		if strings.HasPrefix(i.ID().Hex, prefix) || slices.ContainsFunc(i.Manifests, whole) {
			list = append(list, i)
		}
	}
	switch len(list) {
	case 0:
		return found{}, noSuchImage()
	case 1:
		return found{image: list[0]}, nil
	}
	return found{}, vzcontract.Errorf(vzcontract.ErrValidation, "%d image ids start with %s; give more digits", len(list), prefix)
}
