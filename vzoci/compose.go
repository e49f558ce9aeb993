package vzoci

import (
	"context"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// A composition is an image that is made here out of a base and one layer.
type composition struct {
	config v1.ConfigFile // its layers are those of the base
	layers []v1.Descriptor
	name   string // complete reference, "" for none
	source string
	step   v1.History
}

// compose adds layer, an uncompressed archive in the store, and publishes the
// image.
func (s *Store) compose(ctx context.Context, t *store.Session, c composition, layer v1.Descriptor) (found, error) {
	layer.MediaType = types.OCIUncompressedLayer
	layers := append(slices.Clone(c.layers), layer)
	config := c.config
	config.RootFS.Type = "layers"
	config.RootFS.DiffIDs = append(slices.Clone(config.RootFS.DiffIDs), layer.Digest)
	config.History = append(padded(config), c.step)
	chain, err := pull.Unpack(ctx, t, s.unpack, layers, config.RootFS.DiffIDs)
	if err != nil {
		return found{}, err
	}
	desc, err := writeDocument(t, types.OCIConfigJSON, config)
	if err != nil {
		return found{}, err
	}
	manifest, err := writeDocument(t, types.OCIManifestSchema1, v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: desc, Layers: layers,
	})
	if err != nil {
		return found{}, err
	}
	img, err := s.imageOf(manifest, pull.Image{MediaType: manifest.MediaType, Config: desc, Layers: layers}, &config, chain)
	if err != nil {
		return found{}, err
	}
	f := found{image: img}
	var refs []store.Ref
	if c.name != "" {
		f.ref = store.Ref{Name: c.name, Image: img.ID(), Target: manifest, Manifest: manifest, Made: time.Now().UTC(), Source: c.source}
		refs = append(refs, f.ref)
	}
	return f, t.Publish(ctx, img, refs...)
}

// padded returns the history of c with a step for each layer that it tells
// nothing about.
func padded(c v1.ConfigFile) []v1.History {
	history := slices.Clone(c.History)
	told := 1 // the layer on top, which is yet to come
	for _, h := range history {
		if !h.EmptyLayer {
			told++
		}
	}
	for ; told < len(c.RootFS.DiffIDs); told++ {
		history = append(history, v1.History{Created: c.Created})
	}
	return history
}

// tagName reads the name for a new image: a tag, not a digest. "" is none.
func tagName(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	ref, err := reference.Parse(text)
	switch {
	case err != nil:
		return "", err
	case ref.Digest != "":
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "image reference %q: a digest cannot be given as a name; use a tag", text)
	case ref == builtinRef:
		return "", vzcontract.Errorf(vzcontract.ErrValidation, "image reference %q: that name is for the image that vz makes itself", text)
	}
	return ref.String(), nil
}
