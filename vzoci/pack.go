package vzoci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/store"
)

// packedTypes are the media types of plain layers and what they are compressed.
var packedTypes = map[types.MediaType]types.MediaType{
	types.OCIUncompressedLayer:    types.OCILayer,
	types.DockerUncompressedLayer: types.DockerLayer,
}

func isPlain(d v1.Descriptor) bool { return packedTypes[d.MediaType] != "" }

// packed returns the manifest to push in place of manifest, and img with it
// noted: one with the same config whose plain layers are compressed. An image
// that a registry knows stays as it is, so that its digest does.
func (s *Store) packed(ctx context.Context, t *store.Session, img store.Image, manifest v1.Descriptor) (v1.Descriptor, store.Image, error) {
	refs, err := s.store.Refs()
	if err != nil {
		return manifest, img, err
	}
	known := func(r store.Ref) bool { return r.ByDigest() && r.Manifest.Digest == manifest.Digest }
	doc, _, err := s.documentsOf(manifest)
	if err != nil || slices.ContainsFunc(refs, known) || !slices.ContainsFunc(doc.Layers, isPlain) {
		return manifest, img, err
	}
	for _, other := range img.Manifests { // an earlier push has made it
		got, _, err := s.documentsOf(other)
		if err == nil && got.MediaType == doc.MediaType && got.Config.Digest == doc.Config.Digest && !slices.ContainsFunc(got.Layers, isPlain) {
			return other, img, nil
		}
	}
	layers := slices.Clone(doc.Layers)
	for i, l := range layers {
		if !isPlain(l) {
			continue
		}
		if layers[i], err = packLayer(ctx, t, l); err != nil {
			return manifest, img, err
		}
		img.Blobs = append(img.Blobs, layers[i].Digest)
	}
	made, err := writeDocument(t, doc.MediaType, v1.Manifest{SchemaVersion: 2, MediaType: doc.MediaType, Config: doc.Config, Layers: layers})
	if err != nil {
		return manifest, img, err
	}
	img.Manifests = append(slices.Clone(img.Manifests), made)
	return made, img, nil
}

// packLayer stores a plain layer compressed. The bytes are the same each time.
func packLayer(ctx context.Context, t *store.Session, l v1.Descriptor) (v1.Descriptor, error) {
	plain, err := t.OpenBlob(l.Digest)
	if err != nil {
		return l, err
	}
	defer plain.Close()
	in, out := io.Pipe()
	sum := sha256.New()
	go func() {
		zip := gzip.NewWriter(out)
		_, err := io.Copy(zip, io.TeeReader(contextReader{ctx, plain}, sum))
		if err == nil && hex.EncodeToString(sum.Sum(nil)) != l.Digest.Hex {
			err = vzcontract.Errorf(vzcontract.ErrInternal, "blob %s is damaged; vz doctor --repair moves it aside", l.Digest)
		}
		if err == nil {
			err = zip.Close()
		}
		out.CloseWithError(err)
	}()
	d, err := t.AddBlob(in)
	d.MediaType = packedTypes[l.MediaType]
	return d, errors.Join(err, in.Close())
}
