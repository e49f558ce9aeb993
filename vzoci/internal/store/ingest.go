package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract/statefile"
	"vz.internal/vzoci/internal/pull"
)

// etagSuffix ends the name of the file beside a partial download that says of
// which version it is.
const etagSuffix = ".etag"

// ingest is a download. The lock of the blob makes it the only one.
type ingest struct {
	session *Session
	lock    *lock
	digest  v1.Hash
	size    int64
	f       *os.File
	sum     hash.Hash
	at      int64
	done    bool
}

// Ingest implements [pull.Store].
func (t *Session) Ingest(ctx context.Context, d v1.Hash, size int64) (pull.Ingest, error) {
	if err := t.mark(ctx, classBlob, d); err != nil {
		return nil, err
	}
	l, err := acquire(ctx, t.store.path(dirLocks, classBlob+"-"+d.Hex), exclusive)
	if err != nil {
		return nil, err
	}
	in, err := t.openPartial(d, size)
	if err != nil {
		l.remove()
		return nil, err
	}
	in.lock = l
	return in, nil
}

// openPartial must be called with the blob's lock held.
func (t *Session) openPartial(d v1.Hash, size int64) (*ingest, error) {
	if t.Has(d) {
		return nil, pull.ErrExists
	}
	if err := t.Discard(d); err != nil { // one that power loss may have emptied
		return nil, err
	}
	f, err := os.OpenFile(t.store.path(dirPartial, d.Hex), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	in := &ingest{session: t, digest: d, size: size, f: f, sum: sha256.New()}
	in.at, err = io.Copy(in.sum, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return in, nil
}

func (i *ingest) Offset() int64              { return i.at }
func (i *ingest) Partial() (*os.File, error) { return os.Open(i.f.Name()) }

// Write implements io.Writer.
func (i *ingest) Write(p []byte) (int, error) {
	n, err := i.f.WriteAt(p, i.at)
	i.sum.Write(p[:n])
	i.at += int64(n)
	return n, err
}

func (i *ingest) ETag() string {
	data, err := statefile.Read(i.f.Name() + etagSuffix)
	if err != nil {
		return "" // without one the server cannot say that it changed; the digest will
	}
	return string(data)
}

func (i *ingest) SetETag(etag string) error {
	return os.WriteFile(i.f.Name()+etagSuffix, []byte(etag), 0o600)
}

func (i *ingest) Restart() error {
	i.at = 0
	i.sum.Reset()
	return errors.Join(i.f.Truncate(0), i.removeETag())
}

func (i *ingest) removeETag() error {
	if err := os.Remove(i.f.Name() + etagSuffix); err != nil && !notExist(err) {
		return err
	}
	return nil
}

// Commit implements [pull.Ingest].
func (i *ingest) Commit() error {
	if i.at != i.size || hex.EncodeToString(i.sum.Sum(nil)) != i.digest.Hex {
		return pull.ErrDigest
	}
	if err := i.session.note(classBlob, i.digest); err != nil {
		return err
	}
	if err := os.Rename(i.f.Name(), i.session.store.blobPath(i.digest)); err != nil {
		return err
	}
	return errors.Join(i.removeETag(), i.end())
}

// Close implements [pull.Ingest].
func (i *ingest) Close() error {
	if i.done {
		return nil
	}
	var err error
	if i.at == 0 {
		err = errors.Join(os.Remove(i.f.Name()), i.removeETag())
	}
	return errors.Join(err, i.end())
}

func (i *ingest) end() error {
	i.done = true
	err := i.f.Close()
	i.lock.remove()
	return err
}
