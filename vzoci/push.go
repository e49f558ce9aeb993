package vzoci

import (
	"context"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/push"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// PushOptions of [Store.Push].
type PushOptions struct {
	Progress func(vzcontract.PullProgress)
}

// Push sends the image with the name ref to the registry in it and returns the
// digest that the name has there. Layers of an image that was made or loaded
// here without compression are compressed for it; its id stays. Wrong credentials are ErrDenied.
func (s *Store) Push(ctx context.Context, ref string, opts PushOptions) (digest string, err error) {
	name, err := reference.Parse(ref)
	if err != nil {
		return "", err
	}
	if name == builtinRef {
		return "", failure("push", ref, vzcontract.Errorf(vzcontract.ErrValidation, "it has no registry in its name; give it one with vz tag %s REGISTRY/NAME", ref))
	}
	err = s.session(ctx, func(t *store.Session) error {
		f, err := s.findRef(name)
		if notExist(err) {
			return noSuchImage()
		}
		if err != nil {
			return err
		}
		img, err := t.Hold(ctx, f.image.ID())
		if err != nil {
			return err
		}
		target := f.ref.Target
		if !push.Complete(t, target) { // of an index only one platform is here
			target = f.ref.Manifest
		}
		manifest := f.ref.Manifest
		if target.Digest == manifest.Digest {
			if target, img, err = s.packed(ctx, t, img, manifest); err != nil {
				return err
			}
			manifest = target
		}
		digest = target.Digest.String()
		client, err := s.client()
		if err != nil {
			return err
		}
		err = push.Push(ctx, t, push.Request{
			Repository: client.Repository(name), Tag: name.Tag, Target: target,
			MountFrom: s.mountFrom(name, img), Progress: opts.Progress,
		})
		if err != nil {
			return err
		}
		pinned := f.ref // what the registry calls it from now on
		pinned.Name, pinned.Target, pinned.Manifest, pinned.Made = name.WithDigest(digest).String(), target, manifest, time.Now().UTC()
		return t.Publish(ctx, img, pinned)
	})
	return digest, failure("push", ref, err)
}

// mountFrom tells in which other repository of the registry the blobs of img
// should be: where it was pulled from.
func (s *Store) mountFrom(to reference.Reference, img store.Image) func(v1.Hash) string {
	refs, err := s.store.Refs()
	if err != nil {
		return nil // only a shortcut is lost
	}
	for _, r := range refs {
		ref, err := reference.Parse(r.Name)
		if err == nil && r.Image == img.ID() && r.ByDigest() && strings.EqualFold(ref.Registry, to.Registry) && ref.Repository != to.Repository {
			return func(v1.Hash) string { return ref.Repository }
		}
	}
	return nil
}
