// Package push sends images from the content store to a registry: only blobs
// that it lacks, blobs before the manifests that name them, a tag at the end.
package push

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/registry"
)

// jobs is how many blobs are worked on at once.
const jobs = 4

// A Store has the blobs to push.
type Store interface {
	Has(d v1.Hash) bool
	OpenBlob(d v1.Hash) (*os.File, error)
}

// A Request says what to push where.
type Request struct {
	Repository *registry.Repository
	// Tag to give it; "" pushes by digest alone.
	Tag string
	// Target is an index or a manifest. Of an index all manifests must be
	// in the store; see [Complete].
	Target v1.Descriptor
	// MountFrom names another repository of the registry that may have a
	// blob; nil or "" for none.
	MountFrom func(v1.Hash) string
	Progress  func(vzcontract.PullProgress)
}

// Push sends what req says. It returns when the registry has accepted the tag.
func Push(ctx context.Context, store Store, req Request) error {
	if req.Progress == nil {
		req.Progress = func(vzcontract.PullProgress) {}
	}
	p := &pusher{store: store, req: req}
	tree, err := p.read(req.Target, 0)
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	seen := map[v1.Hash]bool{}
	tree.walk(func(d *document) {
		for _, b := range d.blobs {
			if !seen[b.Digest] {
				seen[b.Digest] = true
				group.Go(func() error { return p.blob(groupCtx, b) })
			}
		}
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return p.manifests(ctx, tree)
}

// Complete reports whether the store has everything that target names.
func Complete(store Store, target v1.Descriptor) bool {
	p := &pusher{store: store}
	tree, err := p.read(target, 0)
	if err != nil {
		return false
	}
	complete := true
	tree.walk(func(d *document) {
		for _, b := range d.blobs {
			complete = complete && store.Has(b.Digest)
		}
	})
	return complete
}

type pusher struct {
	store Store
	req   Request
}

func (p *pusher) tell(d v1.Descriptor, phase string, done int64) {
	p.req.Progress(vzcontract.PullProgress{Digest: d.Digest.String(), Phase: phase, Done: done, Total: d.Size})
}

func (p *pusher) blob(ctx context.Context, d v1.Descriptor) error {
	p.tell(d, "waiting", 0)
	has, err := p.req.Repository.HasBlob(ctx, d.Digest.String())
	if err != nil {
		return err
	}
	if has {
		p.tell(d, "exists", d.Size)
		return nil
	}
	if !p.store.Has(d.Digest) {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "blob %s is not in the store, nor in the registry; pull the image again", d.Digest)
	}
	up := registry.Upload{
		Digest: d.Digest.String(), Size: d.Size,
		Open: func(offset int64) (io.ReadCloser, error) { return p.open(d, offset) },
	}
	if p.req.MountFrom != nil {
		up.MountFrom = p.req.MountFrom(d.Digest)
	}
	if err := p.req.Repository.PushBlob(ctx, up, func(sent int64) { p.tell(d, "uploading", sent) }); err != nil {
		return err
	}
	p.tell(d, "done", d.Size)
	return nil
}

func (p *pusher) open(d v1.Descriptor, offset int64) (io.ReadCloser, error) {
	f, err := p.store.OpenBlob(d.Digest)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() != d.Size {
		err = vzcontract.Errorf(vzcontract.ErrInternal, "blob %s is damaged: %d bytes, not %d; pull the image again", d.Digest, info.Size(), d.Size)
	}
	if err == nil {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// manifests puts the documents, each after those that it names.
func (p *pusher) manifests(ctx context.Context, d *document) error {
	for _, child := range d.children {
		if err := p.manifests(ctx, child); err != nil {
			return err
		}
	}
	locator := d.desc.Digest.String()
	if d.desc.Digest == p.req.Target.Digest && p.req.Tag != "" {
		locator = p.req.Tag
	} else if has, err := p.req.Repository.HasManifest(ctx, locator); err != nil || has {
		return err
	}
	return p.req.Repository.PushManifest(ctx, locator, d.desc.MediaType, d.raw)
}

// notStored words a blob that should be there and is not.
func notStored(d v1.Descriptor, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return vzcontract.Errorf(vzcontract.ErrNotFound, "manifest %s is not in the store; pull the image again", d.Digest)
	}
	return err
}
