package pull

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/registry"
)

// small returns a blob that is read whole, from the store or else from the
// registry, and puts it into the store.
func (p *puller) small(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if raw, err := p.stored(d); err == nil || !errors.Is(err, errDamagedBlob) && !errors.Is(err, os.ErrNotExist) {
		return raw, err
	}
	tries := p.req.Repository.Tries()
	for {
		raw, err := p.fetchSmall(ctx, d)
		if err == nil {
			_, err = p.store.WriteBlob(raw)
			return raw, onDisk(err)
		}
		if err := tries.Again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// errDamagedBlob: a file of the store does not have the contents of its name.
var errDamagedBlob = errors.New("damaged blob")

// stored reads a blob from the store and drops it there if it is damaged.
func (p *puller) stored(d v1.Descriptor) ([]byte, error) {
	if !p.store.Has(d.Digest) {
		return nil, os.ErrNotExist
	}
	f, err := p.store.OpenBlob(d.Digest)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, d.Size+1))
	if err != nil {
		return nil, err
	}
	if digestBytes(raw) != d.Digest {
		return nil, errors.Join(errDamagedBlob, p.store.Discard(d.Digest))
	}
	return raw, nil
}

func (p *puller) fetchSmall(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	stream, err := p.req.Repository.Blob(ctx, d.Digest.String(), 0, "")
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	raw, err := io.ReadAll(io.LimitReader(stream, d.Size+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) < d.Size {
		return nil, registry.Transient(vzcontract.Errorf(vzcontract.ErrUnavailable, "blob %s ended after %d of %d bytes", d.Digest, len(raw), d.Size))
	}
	if got := digestBytes(raw); int64(len(raw)) > d.Size || got != d.Digest {
		return nil, invalid("what the registry sent as blob %s has another digest or size", d.Digest)
	}
	return raw, nil
}

func digestBytes(b []byte) v1.Hash {
	sum := sha256.Sum256(b)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}
