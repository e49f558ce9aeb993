package vzoci

import (
	"context"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// PullImage implements vzcontract.Images. An interrupted pull keeps what has
// arrived for the next one.
func (s *Store) PullImage(ctx context.Context, ref string, opts vzcontract.PullOptions) (info vzcontract.ImageInfo, err error) {
	want := wish{ref: ref, platform: opts.Platform, policy: opts.Policy, progress: opts.Progress}
	f, local, err := s.local(want)
	if err == nil && !local {
		err = s.session(ctx, func(t *store.Session) error {
			f, err = s.fetch(ctx, t, want)
			return err
		})
	}
	if err == nil {
		info, err = s.describe(f)
	}
	return info, failure("pull", ref, err)
}

// A wish is what a caller wants an image to be.
type wish struct {
	ref      string
	platform string
	policy   vzcontract.PullPolicy
	progress func(vzcontract.PullProgress)
}

// local finds what the policy lets be used as it is in the store. local is
// false when the image must be fetched.
func (s *Store) local(w wish) (f found, local bool, err error) {
	switch w.policy {
	case "", vzcontract.PullMissing, vzcontract.PullNever, vzcontract.PullAlways:
	default:
		return f, false, vzcontract.Errorf(vzcontract.ErrValidation, "pull policy %q: must be missing, always or never", w.policy)
	}
	if _, err := pull.ParsePlatform(w.platform); err != nil {
		return f, false, err
	}
	ref, parseErr := reference.Parse(w.ref)
	if parseErr == nil && ref == builtinRef {
		return s.localBuiltin()
	}
	f, err = s.find(w.ref)
	switch {
	case err != nil && !isMissing(err):
		return f, false, err
	case err == nil && f.ref.Name == "": // an id: no registry can have another
		return f, s.complete(f), nil
	case err == nil && w.policy != vzcontract.PullAlways && fits(w.platform, f.image) && s.complete(f):
		return f, true, nil
	case w.policy == vzcontract.PullNever && err == nil && !fits(w.platform, f.image):
		return f, false, vzcontract.Errorf(vzcontract.ErrNotFound, "what is here is for %s, not %s, and the pull policy is never", platformOf(f.image), w.platform)
	case w.policy == vzcontract.PullNever && err == nil:
		return f, false, nil // its layers can be made from blobs
	case w.policy == vzcontract.PullNever:
		return f, false, vzcontract.Errorf(vzcontract.ErrNotFound, "it is not here and the pull policy is never; fetch it with vz pull %s", w.ref)
	case err != nil && parseErr != nil:
		return f, false, err
	}
	return f, false, nil
}

func platformOf(img store.Image) pull.Platform {
	return pull.Platform{OS: img.Info.OS, Arch: img.Info.Architecture, Variant: img.Info.Variant}
}

// fits reports whether the image is for the platform that was asked for; none
// takes what there is.
func fits(platform string, img store.Image) bool {
	return platform == "" || pull.Fits(platform, platformOf(img))
}

// complete reports whether all layers are unpacked.
func (s *Store) complete(f found) bool {
	for _, l := range f.image.Layers {
		if !s.store.HasLayer(l.ChainID) {
			return false
		}
	}
	return true
}

// fetch brings an image into the store that is not there, not whole or perhaps
// not the newest. What it needs stays until t is closed.
func (s *Store) fetch(ctx context.Context, t *store.Session, w wish) (found, error) {
	ref, err := reference.Parse(w.ref)
	if err == nil && ref == builtinRef {
		return s.makeBuiltin(ctx, t)
	}
	if f, ok, findErr := s.restore(ctx, t, w); ok {
		return f, findErr
	}
	if err != nil {
		return found{}, err
	}
	client, err := s.client()
	if err != nil {
		return found{}, err
	}
	result, err := pull.Pull(ctx, t, s.unpack, pull.Request{
		Repository: client.Repository(ref), Locator: ref.Locator(), Platform: w.platform, Progress: w.progress,
	})
	if err != nil {
		return found{}, err
	}
	return s.publishPulled(ctx, t, ref, result)
}

// restore unpacks again the layers of an image whose blobs are here. ok is
// false where a registry may help instead.
func (s *Store) restore(ctx context.Context, t *store.Session, w wish) (f found, ok bool, err error) {
	if f, err = s.find(w.ref); err != nil {
		return f, false, err
	}
	pullable := f.ref.Name != "" && w.policy != vzcontract.PullNever
	if pullable && (w.policy == vzcontract.PullAlways || !fits(w.platform, f.image)) {
		return f, false, nil
	}
	if err = s.unpackAgain(ctx, t, f); err != nil && pullable {
		return f, false, nil
	}
	return f, true, err
}

func (s *Store) unpackAgain(ctx context.Context, t *store.Session, f found) error {
	if _, err := t.Hold(ctx, f.image.ID()); err != nil {
		return err
	}
	doc, config, err := s.documents(f.image)
	if err != nil {
		return err
	}
	_, err = pull.Unpack(ctx, t, s.unpack, doc.Layers, config.RootFS.DiffIDs)
	return err
}

func (s *Store) publishPulled(ctx context.Context, t *store.Session, ref reference.Reference, r pull.Result) (found, error) {
	raw, err := s.readAll(r.Manifest.Digest)
	if err != nil {
		return found{}, err
	}
	doc, err := pull.ParseImage(raw, r.Manifest.MediaType)
	if err != nil {
		return found{}, err
	}
	img, err := s.imageOf(r.Manifest, doc, r.Config, r.ChainIDs)
	if err != nil {
		return found{}, err
	}
	if r.Target.Digest != r.Manifest.Digest {
		img.Documents = []v1.Hash{r.Target.Digest}
	}
	names := []string{ref.WithDigest(r.Target.Digest.String()).String()}
	if ref.Digest == "" {
		names = append([]string{ref.String()}, names...)
	}
	refs := make([]store.Ref, len(names))
	for i, name := range names {
		refs[i] = store.Ref{Name: name, Image: img.ID(), Target: r.Target, Manifest: r.Manifest, Made: time.Now().UTC()}
	}
	return found{img, refs[0]}, t.Publish(ctx, img, refs...)
}

// imageOf makes the record of an image whose layers are all unpacked.
func (s *Store) imageOf(manifest v1.Descriptor, doc pull.Image, config *v1.ConfigFile, chain []v1.Hash) (store.Image, error) {
	img := store.Image{
		Info:      infoOf(doc.Config.Digest, manifest.Digest, config),
		Manifests: []v1.Descriptor{manifest},
		Blobs:     []v1.Hash{doc.Config.Digest},
		Made:      time.Now().UTC(),
	}
	if err := s.finishRoots(chain); err != nil {
		return store.Image{}, err
	}
	for i, d := range chain {
		size, err := s.store.LayerSize(d)
		if err != nil {
			return store.Image{}, err
		}
		img.Info.Size += size
		img.Layers = append(img.Layers, store.LayerUse{ChainID: d, Size: size})
		img.Blobs = append(img.Blobs, doc.Layers[i].Digest)
	}
	return img, nil
}

// documents reads the manifest and config of an image.
func (s *Store) documents(img store.Image) (pull.Image, *v1.ConfigFile, error) {
	return s.documentsOf(img.Manifests[0])
}

func (s *Store) documentsOf(manifest v1.Descriptor) (pull.Image, *v1.ConfigFile, error) {
	raw, err := s.readAll(manifest.Digest)
	if err != nil {
		return pull.Image{}, nil, err
	}
	doc, err := pull.ParseImage(raw, manifest.MediaType)
	if err != nil {
		return pull.Image{}, nil, err
	}
	if raw, err = s.readAll(doc.Config.Digest); err != nil {
		return pull.Image{}, nil, err
	}
	config, err := pull.ParseConfig(raw, len(doc.Layers))
	return doc, config, err
}
