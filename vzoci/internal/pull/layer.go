package pull

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract"
)

// maxStartOvers bounds how often a download begins at its first byte again.
const maxStartOvers = 4

// maxTrailer is how much may follow the end of a layer's archive: padding.
const maxTrailer = 16 << 20

// errStartOver: what has arrived so far is of no use.
var errStartOver = errors.New("the download starts over")

// layer is one layer of a pull.
type layer struct {
	*puller
	desc            v1.Descriptor
	diffID, chainID v1.Hash
	lowers          []v1.Hash

	resumed  bool // part of the blob is from an earlier try; set by download
	deferred bool // a layer below was not there yet
}

func (l *layer) tell(phase string, done int64) {
	l.req.Progress(vzcontract.PullProgress{Digest: l.desc.Digest.String(), Phase: phase, Done: done, Total: l.desc.Size})
}

// pull brings the blob and the unpacked layer into the store.
func (l *layer) pull(ctx context.Context) error {
	for range maxStartOvers {
		err := l.once(ctx)
		if !errors.Is(err, errStartOver) {
			return onDisk(err)
		}
	}
	return vzcontract.Errorf(vzcontract.ErrUnavailable, "layer %s: the registry's bytes never are what its manifest says; its copy is damaged", l.desc.Digest)
}

func (l *layer) once(ctx context.Context) error {
	if l.store.HasLayer(l.chainID) && l.store.Has(l.desc.Digest) {
		l.tell("exists", l.desc.Size)
		return nil
	}
	blob, err := l.store.Ingest(ctx, l.desc.Digest, l.desc.Size)
	if isExists(err) {
		return l.unpackStored(ctx)
	}
	if err != nil {
		return err
	}
	l.resumed = false
	dir, err := l.store.BeginLayer(ctx, l.chainID)
	if isExists(err) {
		return l.finish(blob, l.fetch(ctx, blob))
	}
	if err != nil {
		return errors.Join(err, blob.Close())
	}
	size, err := l.fetchAndUnpack(ctx, blob, dir)
	var deferred error // the blob is as good as any
	if errors.Is(err, ErrLowerMissing) {
		deferred, err = ErrLowerMissing, nil
	}
	if err = cmp.Or(l.finish(blob, err), deferred); err != nil {
		return errors.Join(err, dir.Abort())
	}
	if err := dir.Commit(size); err != nil {
		return err
	}
	l.tell("done", l.desc.Size)
	return nil
}

// finish verifies the blob when all of it is there, whatever became of the
// unpacking, and decides what stays of one that did not arrive: a download that
// the network or the user broke off is worth going on with.
func (l *layer) finish(blob Ingest, err error) error {
	if blob.Offset() == l.desc.Size && !isCancelled(err) {
		commitErr := blob.Commit()
		switch {
		case commitErr == nil && err == nil:
			return nil
		case commitErr == nil:
			return errors.Join(err, l.store.Discard(l.desc.Digest))
		case errors.Is(commitErr, ErrDigest) && l.resumed:
			err = errStartOver // the part from an earlier try may be the damaged one
		case errors.Is(commitErr, ErrDigest):
			err = fmt.Errorf("layer %s: %w", l.desc.Digest, commitErr)
		default:
			err = commitErr
		}
	}
	if !isCancelled(err) && !errors.Is(err, vzcontract.ErrUnavailable) {
		err = errors.Join(err, blob.Restart())
	}
	return errors.Join(err, blob.Close())
}

// fetch downloads a layer that is unpacked already. That the blob is the
// layer's is verified all the same.
func (l *layer) fetch(ctx context.Context, blob Ingest) error {
	_, err := l.stages(ctx, "", func(ctx context.Context, out *pipe) error { return l.download(ctx, blob, out) })
	return err
}

func (l *layer) fetchAndUnpack(ctx context.Context, blob Ingest, dir Layer) (size int64, err error) {
	return l.stages(ctx, dir.Dir(), func(ctx context.Context, out *pipe) error { return l.download(ctx, blob, out) })
}

// unpackStored unpacks a blob that is in the store already. One that turns out
// damaged is dropped and fetched again.
func (l *layer) unpackStored(ctx context.Context) error {
	dir, err := l.store.BeginLayer(ctx, l.chainID)
	if isExists(err) {
		l.tell("exists", l.desc.Size)
		return nil
	}
	if err != nil {
		return err
	}
	f, err := l.store.OpenBlob(l.desc.Digest)
	if err != nil {
		return errors.Join(err, dir.Abort())
	}
	defer f.Close()
	l.tell("unpacking", l.desc.Size)
	sum := sha256.New()
	size, err := l.stages(ctx, dir.Dir(), func(_ context.Context, out *pipe) error { return out.fill(io.TeeReader(f, sum)) })
	if !isCancelled(err) && hexSum(sum) != l.desc.Digest.Hex {
		return errors.Join(errStartOver, dir.Abort(), l.store.Discard(l.desc.Digest))
	}
	if err != nil {
		return errors.Join(err, dir.Abort())
	}
	if err := dir.Commit(size); err != nil {
		return err
	}
	l.tell("done", l.desc.Size)
	return nil
}

// stages runs source, decompression and unpacking (dir "" for none) at once and
// verifies the diffID. A later stage that fails does not end the source: only
// when all of the blob is there can a damaged download be told from a bad image.
func (l *layer) stages(ctx context.Context, dir string, source func(context.Context, *pipe) error) (size int64, err error) {
	unpackCtx, stopUnpack := context.WithCancel(ctx)
	defer stopUnpack()
	diffSum := sha256.New()
	compressed, plain := newPipe(ctx, nil), newPipe(unpackCtx, diffSum)
	var failed [3]error // by stage
	var running sync.WaitGroup
	running.Go(func() { failed[0] = source(ctx, compressed) })
	running.Go(func() {
		failed[1] = l.decompress(compressed, plain)
		_, err := compressed.WriteTo(io.Discard)
		failed[1] = cmp.Or(failed[1], err)
	})
	running.Go(func() {
		if size, failed[2] = l.unpackAll(unpackCtx, dir, plain); failed[2] != nil {
			stopUnpack()
		}
	})
	running.Wait()
	for _, f := range failed {
		if f != nil && (!isCancelled(f) || ctx.Err() != nil) {
			return 0, f
		}
	}
	if hexSum(diffSum) != l.diffID.Hex {
		return 0, invalid("layer %s has diffID sha256:%s, not %s as the config says", l.desc.Digest, hexSum(diffSum), l.diffID)
	}
	return size, nil
}

// unpackAll unpacks the archive and takes in what follows it, which counts for
// the diffID.
func (l *layer) unpackAll(ctx context.Context, dir string, plain *pipe) (size int64, err error) {
	if dir == "" {
		return plain.WriteTo(io.Discard)
	}
	if size, err = l.unpack(ctx, dir, plain, l.lowers); err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(plain, maxTrailer+1))
	if n > maxTrailer {
		err = invalid("more than %d MiB follow the end of layer %s", maxTrailer>>20, l.desc.Digest)
	}
	return size, err
}

// decompress runs between the two pipes.
func (l *layer) decompress(compressed, plain *pipe) error {
	z, err := decompress(compressed)
	if err != nil {
		plain.closeWith(err)
		return err
	}
	return cmp.Or(plain.fill(limitExpansion(z, cmp.Or(l.req.FreeExpansion, freeExpansion), l.desc.Size)), z.Close())
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }
