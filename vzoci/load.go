package vzoci

import (
	"context"
	"io"
	"os"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/archive"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/registry"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// A LoadedImage is one that an archive held; Ref is empty for one without a
// name.
type LoadedImage struct{ Ref, ID string }

// Load reads images from an archive, plain or compressed with gzip or zstd:
// that of docker save, or an OCI layout in a tar. Of an image for several
// platforms the host's is taken.
func (s *Store) Load(ctx context.Context, r io.Reader) (loaded []LoadedImage, err error) {
	err = s.session(ctx, func(t *store.Session) error {
		plain, err := pull.Decompress(contextReader{ctx, r})
		if err != nil {
			return err
		}
		defer plain.Close()
		l := &loader{store: s, session: t}
		if l.spool, err = archive.Read(plain, t.TempFile); err != nil {
			return err
		}
		members, err := l.spool.Members()
		if err != nil {
			return err
		}
		for _, m := range members {
			if err := l.load(ctx, m); err != nil {
				return err
			}
		}
		loaded = l.loaded
		return nil
	})
	return loaded, failure("load", "", err)
}

type loader struct {
	store   *Store
	session *store.Session
	spool   *archive.Spool
	loaded  []LoadedImage
}

// load brings one image of the archive into the store.
func (l *loader) load(ctx context.Context, m archive.Member) error {
	manifest, doc, config, err := l.documents(m)
	if err != nil {
		return err
	}
	chain := pull.ChainIDs(config.RootFS.DiffIDs)
	for i, d := range doc.Layers {
		if l.session.HasLayer(chain[i]) { // unpacking, which it does not need, would verify it
			if err := pull.Verify(ctx, l.session, d, config.RootFS.DiffIDs[i]); err != nil {
				return err
			}
		}
	}
	if _, err = pull.Unpack(ctx, l.session, l.store.unpack, doc.Layers, config.RootFS.DiffIDs); err != nil {
		return err
	}
	img, err := l.store.imageOf(manifest, doc, config, chain)
	if err != nil {
		return err
	}
	var refs []store.Ref
	found := []LoadedImage{}
	for _, name := range m.Names {
		ref, err := reference.Parse(name)
		if err != nil {
			return err
		}
		if ref == builtinRef {
			continue // the name stands for what vz makes itself
		}
		refs = append(refs, store.Ref{Name: ref.String(), Image: img.ID(), Target: manifest, Manifest: manifest, Made: time.Now().UTC()})
		found = append(found, LoadedImage{Ref: ref.Familiar(), ID: img.Info.ID})
	}
	if len(found) == 0 {
		found = append(found, LoadedImage{ID: img.Info.ID})
	}
	if err := l.session.Publish(ctx, img, refs...); err != nil {
		return err
	}
	l.loaded = append(l.loaded, found...)
	return nil
}

// documents stores the blobs of an image, and a manifest where there is none.
func (l *loader) documents(m archive.Member) (manifest v1.Descriptor, doc pull.Image, config *v1.ConfigFile, err error) {
	if m.Manifest == nil {
		return l.docker(m)
	}
	manifest, raw, err := l.manifest(*m.Manifest)
	if err != nil {
		return manifest, doc, nil, err
	}
	if doc, err = pull.ParseImage(raw, manifest.MediaType); err != nil {
		return manifest, doc, nil, err
	}
	manifest.MediaType = doc.MediaType
	if raw, err = l.small(doc.Config.Digest); err != nil {
		return manifest, doc, nil, err
	}
	if config, err = pull.ParseConfig(raw, len(doc.Layers)); err != nil {
		return manifest, doc, nil, err
	}
	for _, d := range doc.Layers {
		if err := l.adopt(d.Digest); err != nil {
			return manifest, doc, nil, err
		}
	}
	return manifest, doc, config, nil
}

// maxNesting bounds indexes in indexes.
const maxNesting = 4

// manifest follows indexes to the manifest of the host's platform.
func (l *loader) manifest(d v1.Descriptor) (v1.Descriptor, []byte, error) {
	for range maxNesting {
		raw, err := l.small(d.Digest)
		if err != nil {
			return d, nil, err
		}
		if !registry.IsIndex(d.MediaType) {
			return v1.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: int64(len(raw))}, raw, nil
		}
		index, err := pull.ParseIndex(raw, d.MediaType)
		if err != nil {
			return d, nil, err
		}
		if d, err = pull.Choose(index, ""); err != nil {
			return d, nil, err
		}
	}
	return d, nil, vzcontract.Errorf(vzcontract.ErrValidation, "the archive is invalid: indexes are nested more than %d deep", maxNesting)
}

// small returns a blob that is read whole, and stores it.
func (l *loader) small(d v1.Hash) ([]byte, error) {
	if err := l.adopt(d); err != nil {
		return nil, err
	}
	return l.store.readAll(d)
}

// adopt makes a file of the archive a blob. One that is in the store already
// may be left out of the archive.
func (l *loader) adopt(d v1.Hash) error {
	if l.session.Has(d) {
		return nil
	}
	f, ok := l.spool.Blob(d)
	if !ok {
		return vzcontract.Errorf(vzcontract.ErrValidation, "the archive is invalid: blob %s is missing in it", d)
	}
	return l.session.AdoptFile(f.Path, f.Digest)
}

// docker makes a manifest for an image of Docker's archive.
func (l *loader) docker(m archive.Member) (manifest v1.Descriptor, doc pull.Image, config *v1.ConfigFile, err error) {
	raw, err := l.file(m.Config)
	if err != nil {
		return manifest, doc, nil, err
	}
	if config, err = pull.ParseConfig(raw, len(m.Layers)); err != nil {
		return manifest, doc, nil, err
	}
	doc.Config = v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: m.Config.Digest, Size: m.Config.Size}
	if _, err := l.session.WriteBlob(raw); err != nil {
		return manifest, doc, nil, err
	}
	doc.Layers = []v1.Descriptor{}
	for _, f := range m.Layers {
		if !l.session.Has(f.Digest) {
			if err := l.session.AdoptFile(f.Path, f.Digest); err != nil {
				return manifest, doc, nil, err
			}
		}
		kind, err := l.layerType(f.Digest)
		if err != nil {
			return manifest, doc, nil, err
		}
		doc.Layers = append(doc.Layers, v1.Descriptor{MediaType: kind, Digest: f.Digest, Size: f.Size})
	}
	doc.MediaType = types.OCIManifestSchema1
	manifest, err = writeDocument(l.session, doc.MediaType, v1.Manifest{
		SchemaVersion: 2, MediaType: doc.MediaType, Config: doc.Config, Layers: doc.Layers,
	})
	return manifest, doc, config, err
}

// file reads a small file, which may be a blob by now.
func (l *loader) file(f archive.File) ([]byte, error) {
	if _, err := os.Lstat(f.Path); notExist(err) {
		return l.store.readAll(f.Digest)
	}
	return f.Read()
}

// layerType tells how a layer is compressed by its first bytes.
func (l *loader) layerType(d v1.Hash) (kind types.MediaType, err error) {
	f, err := l.session.OpenBlob(d)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var head [4]byte
	n, err := io.ReadFull(f, head[:])
	switch {
	case n >= 2 && head[0] == 0x1f && head[1] == 0x8b:
		return types.OCILayer, nil
	case n == 4 && string(head[:]) == "\x28\xb5\x2f\xfd":
		return types.OCILayerZStd, nil
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return types.OCIUncompressedLayer, nil
	}
	return types.OCIUncompressedLayer, err
}
