package pull

import (
	"context"
	"errors"
	"io"

	"vz.internal/vzcontract"
	"vz.internal/vzoci/internal/registry"
)

// enoughProgress in one try makes the failures before it forgotten.
const enoughProgress = 1 << 20

// download brings the blob to disk and hands its bytes on, those first that an
// earlier try left there. It closes out.
func (l *layer) download(ctx context.Context, blob Ingest, out *pipe) error {
	err := l.replay(blob, out)
	if err == nil {
		err = l.fetchRest(ctx, blob, out)
	}
	out.closeWith(err)
	if err == nil {
		l.tell("unpacking", l.desc.Size)
	}
	return err
}

// replay hands on what is on disk.
func (l *layer) replay(blob Ingest, out *pipe) error {
	left := blob.Offset()
	if left == 0 {
		return nil
	}
	l.resumed = true
	if left > l.desc.Size {
		return errors.Join(errStartOver, blob.Restart())
	}
	f, err := blob.Partial()
	if err != nil {
		return err
	}
	defer f.Close()
	for left > 0 {
		b, err := out.buffer()
		if err != nil {
			return err
		}
		n, err := io.ReadFull(f, b[:min(left, int64(len(b)))])
		if err != nil {
			return err
		}
		out.send(b[:n])
		left -= int64(n)
	}
	return nil
}

func (l *layer) fetchRest(ctx context.Context, blob Ingest, out *pipe) error {
	tries := l.req.Repository.Tries()
	for blob.Offset() < l.desc.Size {
		before := blob.Offset()
		err := l.fetchSome(ctx, blob, out)
		if err == nil {
			return nil
		}
		if errors.Is(err, errStartOver) {
			return err
		}
		if blob.Offset()-before >= enoughProgress {
			tries.Progress()
		}
		if err := tries.Again(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// fetchSome goes on from what is on disk until the blob ends or the connection
// does.
func (l *layer) fetchSome(ctx context.Context, blob Ingest, out *pipe) error {
	l.resumed = l.resumed || blob.Offset() > 0
	stream, err := l.req.Repository.Blob(ctx, l.desc.Digest.String(), blob.Offset(), blob.ETag())
	if err != nil {
		return err
	}
	defer stream.Close()
	if stream.Offset != blob.Offset() {
		// The stages have seen bytes of what may be another version.
		return errors.Join(errStartOver, blob.Restart())
	}
	if stream.ETag != blob.ETag() {
		if err := blob.SetETag(stream.ETag); err != nil {
			return err
		}
	}
	return l.copy(stream, blob, out)
}

// copy moves bytes from the network to disk and on to the next stage.
func (l *layer) copy(stream io.Reader, blob Ingest, out *pipe) error {
	for {
		b, err := out.buffer()
		if err != nil {
			return err
		}
		n, err := io.ReadFull(stream, b)
		if int64(n) > l.desc.Size-blob.Offset() {
			return invalid("the registry sends more than the %d bytes of layer %s", l.desc.Size, l.desc.Digest)
		}
		if n > 0 {
			if _, err := blob.Write(b[:n]); err != nil {
				return err
			}
			l.tell("downloading", blob.Offset())
		}
		out.send(b[:n])
		switch {
		case err == nil:
		case blob.Offset() == l.desc.Size && (err == io.EOF || err == io.ErrUnexpectedEOF):
			return nil
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return registry.Transient(vzcontract.Errorf(vzcontract.ErrUnavailable, "layer %s ended after %d of %d bytes", l.desc.Digest, blob.Offset(), l.desc.Size))
		default:
			return err
		}
	}
}
