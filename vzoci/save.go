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

// Save writes images as one tar archive. A repository without a tag means all its
// tags. An image that is named by its id has no name in the archive.
func (s *Store) Save(ctx context.Context, w io.Writer, refs []string, opts SaveOptions) error {
	if opts.Format != "" && opts.Format != "docker" && opts.Format != "oci" {
		return vzcontract.Errorf(vzcontract.ErrValidation, "format %q: must be docker or oci", opts.Format)
	}
	if len(refs) == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "no image to save was named")
	}
	return s.session(ctx, func(t *store.Session) error {
		refs, err := s.expand(refs)
		if err != nil {
			return err
		}
		var images []archive.Image
		for _, text := range refs {
			img, err := s.member(ctx, t, text, opts.Platform)
			if err != nil {
				return failure("save", text, err)
			}
			same := func(i archive.Image) bool { return i.Manifest.Digest == img.Manifest.Digest }
			i := slices.IndexFunc(images, same)
			if i < 0 {
				images = append(images, img)
				continue
			}
			for _, name := range img.Names {
				if !slices.Contains(images[i].Names, name) {
					images[i].Names = append(images[i].Names, name)
				}
			}
		}
		err = archive.Write(contextWriter{ctx, w}, images, opts.Format != "oci", t.OpenBlob)
		return failure("save", refs[0], err)
	})
}

// expand puts the tags of a repository in the place of its name. A name that none is in
// stays as it is: it may be an id.
func (s *Store) expand(names []string) ([]string, error) {
	refs, err := s.store.Refs()
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range names {
		before := len(all)
		if of, err := reference.Parse(name + ":" + reference.DefaultTag); err == nil { // it has no tag of its own
			for _, r := range refs {
				if ref, err := reference.Parse(r.Name); err == nil && ref.Tag != "" && ref.Name() == of.Name() {
					all = append(all, r.Name)
				}
			}
		}
		if len(all) == before {
			all = append(all, name)
		}
	}
	return all, nil
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
