package vzoci

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/pull"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// Verify reads the whole store and returns one line per thing that is damaged,
// missing or that nothing owns.
func (s *Store) Verify(ctx context.Context) ([]string, error) {
	found, err := s.store.Verify(ctx)
	lines := make([]string, 0, len(found))
	for _, f := range found {
		lines = append(lines, f.String())
	}
	return lines, err
}

// Repair moves aside what is damaged, fetches it again where a registry has it
// and says what it did. What it cannot put right is in the error.
func (s *Store) Repair(ctx context.Context) ([]string, error) {
	found, err := s.store.Verify(ctx)
	if err != nil {
		return nil, err
	}
	images, _ := s.store.Broken(found)
	done, err := s.store.Repair(ctx, found)
	for _, img := range images {
		line, mendErr := s.mend(ctx, img)
		if line != "" {
			done = append(done, line)
		}
		err = errors.Join(err, mendErr)
	}
	_, names := s.store.Broken(nil)
	for _, ref := range names {
		line, mendErr := s.remake(ctx, ref)
		if line != "" {
			done = append(done, line)
		}
		err = errors.Join(err, mendErr)
	}
	return done, err
}

// mend makes an image whole: its layers out of its blobs, else from where it
// was pulled.
func (s *Store) mend(ctx context.Context, img store.Image) (string, error) {
	refs, err := s.store.Refs()
	if err != nil {
		return "", err
	}
	refs = slices.DeleteFunc(refs, func(r store.Ref) bool { return r.Image != img.ID() })
	name := short(img.ID().Hex)
	if len(refs) > 0 {
		name = familiar(refs[0].Name)
	}
	if s.wholeAgain(ctx, img) == nil {
		return "image " + name + ": unpacked again", nil
	}
	for _, r := range refs {
		if r.ByDigest() {
			err = s.refetch(ctx, r, img)
			if err == nil {
				return "image " + name + ": fetched again", nil
			}
		}
	}
	if err == nil {
		err = vzcontract.Errorf(vzcontract.ErrNotFound, "it did not come from a registry; load or build it again, or remove it with vz rmi %s", name)
	}
	return "", failure("repair", name, err)
}

// wholeAgain unpacks layers that are missing, if all blobs are there.
func (s *Store) wholeAgain(ctx context.Context, img store.Image) error {
	for _, d := range img.Blobs {
		if !s.store.Has(d) {
			return fmt.Errorf("blob %s is missing", d)
		}
	}
	return s.session(ctx, func(t *store.Session) error { return s.unpackAgain(ctx, t, found{image: img}) })
}

// refetch pulls what a pinned name says.
func (s *Store) refetch(ctx context.Context, r store.Ref, img store.Image) error {
	ref, err := reference.Parse(r.Name)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	return s.session(ctx, func(t *store.Session) error {
		result, err := pull.Pull(ctx, t, s.unpack, pull.Request{
			Repository: client.Repository(ref), Locator: ref.Locator(), Platform: platformOf(img).String(),
		})
		if err != nil {
			return err
		}
		_, err = s.publishPulled(ctx, t, ref, result)
		return err
	})
}

// remake writes the record of an image again that a name leads to.
func (s *Store) remake(ctx context.Context, r store.Ref) (string, error) {
	name := familiar(r.Name)
	err := s.session(ctx, func(t *store.Session) error {
		doc, config, err := s.documentsOf(r.Manifest)
		if err != nil {
			return err
		}
		chain, err := pull.Unpack(ctx, t, s.unpack, doc.Layers, config.RootFS.DiffIDs)
		if err != nil {
			return err
		}
		img, err := s.imageOf(r.Manifest, doc, config, chain)
		if err != nil {
			return err
		}
		return t.Publish(ctx, img, r)
	})
	if err != nil {
		return "", failure("repair", name, fmt.Errorf("%w; fetch it again with vz pull %s", err, name))
	}
	return "image " + name + ": record made again", nil
}
