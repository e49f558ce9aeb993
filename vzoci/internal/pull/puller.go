package pull

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/registry"
)

// A Request says what to pull.
type Request struct {
	Repository *registry.Repository
	Locator    string // a tag or a digest
	Platform   string // os/arch[/variant]; "" is the host's
	Progress   func(vzcontract.PullProgress)
	// Jobs is how many layers are worked on at once; 0 is a default.
	Jobs int
	// FreeExpansion is how many bytes a layer may unpack to whatever its size;
	// 0 is 64 GiB.
	FreeExpansion int64
}

// A Result is an image that is in the store, with nothing missing.
type Result struct {
	// Target is what the reference names: an index or the manifest itself.
	Target v1.Descriptor
	// Manifest is the manifest of the platform.
	Manifest v1.Descriptor
	Config   *v1.ConfigFile
	// ChainIDs of the layers, the lowest first.
	ChainIDs []v1.Hash
}

// Pull brings an image into the store: its documents, its blobs and its
// unpacked layers. On error nothing new can be seen there but whole, verified
// blobs and layers, and partial downloads that the next try goes on with.
func Pull(ctx context.Context, store Store, unpack Unpacker, req Request) (Result, error) {
	want, err := ParsePlatform(req.Platform)
	if err != nil {
		return Result{}, err
	}
	p := &puller{store: store, unpack: unpack, req: req}
	if req.Progress == nil {
		p.req.Progress = func(vzcontract.PullProgress) {}
	}
	resolved, err := resolve(ctx, req.Repository, req.Locator, want)
	if err != nil {
		return Result{}, err
	}
	config, err := p.config(ctx, resolved.image.config, len(resolved.image.layers))
	if err != nil {
		return Result{}, err
	}
	if req.Platform != "" {
		if err := checkPlatform(config, want); err != nil {
			return Result{}, err
		}
	}
	chain := ChainIDs(config.RootFS.DiffIDs)
	if err := p.layers(ctx, resolved.image.layers, config.RootFS.DiffIDs, chain); err != nil {
		return Result{}, err
	}
	for _, d := range resolved.documents {
		if _, err := store.WriteBlob(d.Raw); err != nil {
			return Result{}, onDisk(err)
		}
	}
	return Result{
		Target:   describe(resolved.top()),
		Manifest: describe(resolved.manifest()),
		Config:   config,
		ChainIDs: chain,
	}, nil
}

// puller is one pull.
type puller struct {
	store  Store
	unpack Unpacker
	req    Request
}

func describe(m registry.Manifest) v1.Descriptor {
	return v1.Descriptor{MediaType: types.MediaType(m.MediaType), Digest: m.Digest, Size: int64(len(m.Raw))}
}

// layers fetches and unpacks all layers, the largest first, so that no long
// one is left alone at the end. Those that need one below them before it is
// there come at the end, in order.
func (p *puller) layers(ctx context.Context, layers []v1.Descriptor, diffIDs, chain []v1.Hash) error {
	work := make([]*layer, len(layers))
	for i, d := range layers {
		lowers := slices.Clone(chain[:i])
		slices.Reverse(lowers)
		work[i] = &layer{puller: p, desc: d, diffID: diffIDs[i], chainID: chain[i], lowers: lowers}
		work[i].tell("waiting", 0)
	}
	bySize := slices.Clone(work)
	slices.SortStableFunc(bySize, func(a, b *layer) int { return cmp.Compare(b.desc.Size, a.desc.Size) })
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(p.jobs())
	for _, l := range bySize {
		group.Go(func() error {
			err := l.pull(groupCtx)
			if errors.Is(err, ErrLowerMissing) {
				l.deferred, err = true, nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, l := range work {
		if !l.deferred {
			continue
		}
		if err := l.pull(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *puller) jobs() int {
	if p.req.Jobs > 0 {
		return p.req.Jobs
	}
	return min(8, 2*runtime.GOMAXPROCS(0))
}

// config fetches and checks the image config.
func (p *puller) config(ctx context.Context, d v1.Descriptor, layers int) (*v1.ConfigFile, error) {
	raw, err := p.small(ctx, d)
	if err != nil {
		return nil, err
	}
	return parseConfig(raw, layers)
}

// ChainIDs returns the identity of each layer together with all below it.
func ChainIDs(diffIDs []v1.Hash) []v1.Hash {
	chain := make([]v1.Hash, len(diffIDs))
	for i, d := range diffIDs {
		if i == 0 {
			chain[i] = d
			continue
		}
		chain[i] = digestBytes([]byte(chain[i-1].String() + " " + d.String()))
	}
	return chain
}

// isExists reports whether err says that there is nothing left to do.
func isExists(err error) bool { return errors.Is(err, ErrExists) }
