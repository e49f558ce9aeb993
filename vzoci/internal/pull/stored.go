package pull

import (
	"context"
	"errors"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"vz.internal/vzcontract"
)

// Unpack unpacks the layers of an image whose blobs are all in the store, the
// lowest first. It returns their chain ids. A blob that is damaged is dropped
// from the store and named.
//
// Of layers that are unpacked already the blobs are not read; see [Verify].
func Unpack(ctx context.Context, store Store, unpack Unpacker, layers []v1.Descriptor, diffIDs []v1.Hash) ([]v1.Hash, error) {
	if len(layers) != len(diffIDs) {
		return nil, invalid("the config names %d layers, the manifest %d", len(diffIDs), len(layers))
	}
	p := &puller{store: store, unpack: unpack, req: Request{Progress: func(vzcontract.PullProgress) {}}}
	chain := ChainIDs(diffIDs)
	for i, d := range layers {
		if store.HasLayer(chain[i]) {
			continue
		}
		if !store.Has(d.Digest) {
			return nil, vzcontract.Errorf(vzcontract.ErrNotFound, "layer %s is not there", d.Digest)
		}
		lowers := make([]v1.Hash, 0, i)
		for j := i - 1; j >= 0; j-- {
			lowers = append(lowers, chain[j])
		}
		l := &layer{puller: p, desc: d, diffID: diffIDs[i], chainID: chain[i], lowers: lowers}
		switch err := l.unpackStored(ctx); {
		case isStartOver(err):
			return nil, invalid("layer %s is damaged: its contents are not those of its digest", d.Digest)
		case err != nil:
			return nil, onDisk(err)
		}
	}
	return chain, nil
}

// Verify reads the blob of a layer, which must be in the store, and checks that
// it has the diffID. One that is plain needs no look: it is named by its diffID.
func Verify(ctx context.Context, store Store, d v1.Descriptor, diffID v1.Hash) error {
	if d.Digest == diffID {
		return nil
	}
	f, err := store.OpenBlob(d.Digest)
	if err != nil {
		return err
	}
	defer f.Close()
	l := &layer{puller: &puller{store: store}, desc: d, diffID: diffID}
	_, err = l.stages(ctx, "", func(_ context.Context, out *pipe) error { return out.fill(f) })
	return err
}

// An Image is a manifest that was checked.
type Image struct {
	MediaType types.MediaType
	Config    v1.Descriptor
	Layers    []v1.Descriptor
}

// ParseImage reads an image's manifest; header is the type that came with it.
func ParseImage(raw []byte, header types.MediaType) (Image, error) {
	p, err := parse(raw, header)
	if err != nil {
		return Image{}, err
	}
	if p.index != nil {
		return Image{}, invalid("an index where a manifest should be")
	}
	return Image{p.mediaType, p.config, p.layers}, nil
}

// ParseIndex reads an index, as that of an OCI layout.
func ParseIndex(raw []byte, header types.MediaType) ([]v1.Descriptor, error) {
	p, err := parse(raw, header)
	if err != nil {
		return nil, err
	}
	if p.index == nil {
		return nil, invalid("a manifest where an index should be")
	}
	return p.index, nil
}

// ParseConfig reads the config of an image with so many layers.
func ParseConfig(raw []byte, layers int) (*v1.ConfigFile, error) { return parseConfig(raw, layers) }

// Choose returns the entry of an index that suits the platform best, "" being
// the host's. No match is ErrNotFound and says what there is.
func Choose(index []v1.Descriptor, platform string) (v1.Descriptor, error) {
	want, err := ParsePlatform(platform)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return choose(index, want)
}

// Fits reports whether an image for have can be what a person means who asks
// for platform.
func Fits(platform string, have Platform) bool {
	want, err := ParsePlatform(platform)
	return err == nil && normalise(have) == want
}

// Decompress returns the bytes that r stands for, which may be gzip, zstd or
// plain. It goes by the first bytes.
func Decompress(r io.Reader) (io.ReadCloser, error) { return decompress(r) }

func isStartOver(err error) bool { return errors.Is(err, errStartOver) }
