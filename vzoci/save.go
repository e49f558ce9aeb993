package vzoci

import (
	"context"
	"io"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/archive"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// SaveOptions of [Store.Save].
type SaveOptions struct {
	// Format is "docker", which OCI tools read too, or "oci"; "" is docker.
	Format string
	// Platform that the images must be for; "" for what is here.
	Platform string
}

// Save writes images as one tar archive. An image that is named by its id has
// no name in the archive.
func (s *Store) Save(ctx context.Context, w io.Writer, refs []string, opts SaveOptions) error {
	if opts.Format != "" && opts.Format != "docker" && opts.Format != "oci" {
		return vzcontract.Errorf(vzcontract.ErrValidation, "format %q: must be docker or oci", opts.Format)
	}
	if len(refs) == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "no image to save was named")
	}
	return s.session(ctx, func(t *store.Session) error {
		var images []archive.Image
		for _, text := range refs {
			img, err := s.member(ctx, t, text, opts.Platform)
			if err != nil {
				return failure("save", text, err)
			}
			same := func(i archive.Image) bool { return i.Manifest.Digest == img.Manifest.Digest }
			if i := slices.IndexFunc(images, same); i >= 0 {
				images[i].Names = append(images[i].Names, img.Names...)
				continue
			}
			images = append(images, img)
		}
		err := archive.Write(contextWriter{ctx, w}, images, opts.Format != "oci", t.OpenBlob)
		return failure("save", refs[0], err)
	})
}

// member describes one image and holds it until t ends.
func (s *Store) member(ctx context.Context, t *store.Session, text, platform string) (archive.Image, error) {
	f, err := s.find(text)
	if err != nil {
		return archive.Image{}, err
	}
	if !fits(platform, f.image) {
		return archive.Image{}, vzcontract.Errorf(vzcontract.ErrNotFound, "what is here is for %s, not %s", platformOf(f.image), platform)
	}
	if f.image, err = t.Hold(ctx, f.image.ID()); err != nil {
		return archive.Image{}, err
	}
	manifest := f.image.Manifests[0]
	if f.ref.Name != "" {
		manifest = f.ref.Manifest
	}
	raw, err := s.readAll(manifest.Digest)
	if err != nil {
		return archive.Image{}, err
	}
	doc, err := pull.ParseImage(raw, manifest.MediaType)
	if err != nil {
		return archive.Image{}, err
	}
	manifest.MediaType = doc.MediaType
	img := archive.Image{Manifest: manifest, Config: doc.Config, Layers: doc.Layers}
	if ref, err := reference.Parse(f.ref.Name); err == nil && ref.Digest == "" {
		img.Names = []archive.Name{{Complete: ref.String(), Familiar: ref.Familiar(), Tag: ref.Tag}}
	}
	return img, nil
}
