package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzcontract/statefile"
)

// WriteBlob implements [pull.Store].
func (t *Session) WriteBlob(raw []byte) (v1.Hash, error) {
	d := digest(raw)
	if t.Has(d) {
		if old, err := statefile.Read(t.store.blobPath(d)); err == nil && bytes.Equal(old, raw) {
			return d, nil
		}
	}
	if err := t.mark(context.Background(), classBlob, d); err != nil {
		return d, err
	}
	tmp, err := writeTemp(t.dir, "blob-", raw)
	if err != nil {
		return d, err
	}
	return d, t.adopt(tmp, d)
}

// adopt gives a file of the session its name as a blob.
func (t *Session) adopt(tmp string, d v1.Hash) error {
	if err := t.note(classBlob, d); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	if err := os.Rename(tmp, t.store.blobPath(d)); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return nil
}

// Discard implements [pull.Store].
func (t *Session) Discard(d v1.Hash) error {
	if err := os.Remove(t.store.blobPath(d)); err != nil && !notExist(err) {
		return err
	}
	return nil
}

// AddBlob stores what r holds, whatever its digest is.
func (t *Session) AddBlob(r io.Reader) (v1.Descriptor, error) {
	f, err := os.CreateTemp(t.dir, "blob-")
	if err != nil {
		return v1.Descriptor{}, explain(err)
	}
	sum := sha256.New()
	size, err := io.CopyBuffer(io.MultiWriter(f, sum), struct{ io.Reader }{r}, make([]byte, 256<<10))
	if err = errors.Join(err, f.Close()); err != nil {
		return v1.Descriptor{}, explain(errors.Join(err, os.Remove(f.Name())))
	}
	d := v1.Descriptor{Digest: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}, Size: size}
	return d, explain(t.AdoptFile(f.Name(), d.Digest))
}

// TempFile returns a new file that goes with the session.
func (t *Session) TempFile() (*os.File, error) {
	f, err := os.CreateTemp(t.dir, "file-")
	return f, explain(err)
}

// AdoptFile makes a file of [Session.TempFile] the blob d, whose digest the
// caller has computed. The file is gone afterwards.
func (t *Session) AdoptFile(path string, d v1.Hash) error {
	if err := t.mark(context.Background(), classBlob, d); err != nil {
		return err
	}
	if t.Has(d) {
		return os.Remove(path)
	}
	return t.adopt(path, d)
}

func digest(raw []byte) v1.Hash {
	sum := sha256.Sum256(raw)
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}
