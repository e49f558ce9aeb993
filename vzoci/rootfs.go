package vzoci

import (
	"context"
	"errors"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/store"
	"vz.internal/vzoci/reference"
)

// RootFS implements vzcontract.RootFSProvider. Of the image's references it
// returns only the one that was asked for.
func (s *Store) RootFS(ctx context.Context, req vzcontract.RootFSRequest) (vzcontract.RootFS, error) {
	root, err := s.rootFS(ctx, req)
	return root, failure("prepare", req.Ref, err)
}

func (s *Store) rootFS(ctx context.Context, req vzcontract.RootFSRequest) (vzcontract.RootFS, error) {
	want := wish{ref: req.Ref, platform: req.Platform, policy: req.Policy, progress: req.Progress}
	var f found
	err := s.store.Lease(ctx, func() (store.Lease, error) {
		var local bool
		var err error
		if f, local, err = s.local(want); err == nil && !local {
			err = errFetch
		}
		return leaseOf(req, f), err
	})
	if errors.Is(err, errFetch) {
		f, err = s.leaseFetched(ctx, req, want)
	}
	if err != nil {
		return vzcontract.RootFS{}, err
	}
	return s.stack(f), nil
}

// errFetch: the image must be fetched.
var errFetch = errors.New("the image is to be fetched")

func leaseOf(req vzcontract.RootFSRequest, f found) store.Lease {
	l := store.Lease{Owner: req.Owner, Ref: req.Ref}
	if f.image.Info.ID == "" {
		return l
	}
	l.Image = f.image.ID()
	for _, layer := range f.image.Layers {
		l.Layers = append(l.Layers, layer.ChainID)
	}
	return l
}

// leaseFetched fetches the image. The lease is made first, without the image,
// which the session holds until the lease does.
func (s *Store) leaseFetched(ctx context.Context, req vzcontract.RootFSRequest, want wish) (f found, err error) {
	fresh := !s.store.HasLease(req.Owner)
	if fresh {
		if err := s.store.Lease(ctx, func() (store.Lease, error) { return leaseOf(req, found{}), nil }); err != nil {
			return f, err
		}
	}
	err = s.session(ctx, func(t *store.Session) error {
		var err error
		if f, err = s.fetch(ctx, t, want); err != nil {
			return err
		}
		return s.store.Lease(ctx, func() (store.Lease, error) { return leaseOf(req, f), nil })
	})
	if err != nil && fresh {
		err = errors.Join(err, s.store.Unlease(req.Owner))
	}
	return f, err
}

// stack returns the layers, the top one first.
func (s *Store) stack(f found) vzcontract.RootFS {
	root := vzcontract.RootFS{Image: f.image.Info}
	if f.ref.Name != "" {
		root.Image.Digest = f.ref.Manifest.Digest.String()
		if ref, err := reference.Parse(f.ref.Name); err == nil {
			root.Image.References = []string{ref.Familiar()}
		}
	}
	chain := make([]v1.Hash, 0, len(f.image.Layers))
	for i := len(f.image.Layers) - 1; i >= 0; i-- {
		chain = append(chain, f.image.Layers[i].ChainID)
	}
	root.Layers = layerDirs(s.store, chain)
	return root
}

// ReleaseRootFS implements vzcontract.RootFSProvider.
func (s *Store) ReleaseRootFS(_ context.Context, owner string) error { return s.store.Unlease(owner) }
