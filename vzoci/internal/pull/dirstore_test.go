package pull

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// dirStore is the smallest store on disk: one process, one mutex per digest.
type dirStore struct {
	dir   string
	mu    sync.Mutex
	locks map[string]*sync.Mutex // guarded by mu
	full  bool                   // writes of blobs fail
}

func newDirStore(t testing.TB) *dirStore { return newDirStoreIn(t, t.TempDir()) }

func newDirStoreIn(t testing.TB, dir string) *dirStore {
	s := &dirStore{dir: dir, locks: map[string]*sync.Mutex{}}
	for _, d := range []string{"blobs", "partial", "layers", "work"} {
		if err := os.Mkdir(filepath.Join(s.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *dirStore) path(kind string, d v1.Hash) string { return filepath.Join(s.dir, kind, d.Hex) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (s *dirStore) lock(key string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.locks[key] == nil {
		s.locks[key] = &sync.Mutex{}
	}
	return s.locks[key]
}

func (s *dirStore) Has(d v1.Hash) bool                   { return exists(s.path("blobs", d)) }
func (s *dirStore) HasLayer(d v1.Hash) bool              { return exists(s.path("layers", d)) }
func (s *dirStore) Discard(d v1.Hash) error              { return os.Remove(s.path("blobs", d)) }
func (s *dirStore) OpenBlob(d v1.Hash) (*os.File, error) { return os.Open(s.path("blobs", d)) }
func (s *dirStore) WriteBlob(raw []byte) (v1.Hash, error) {
	d := digestBytes(raw)
	return d, os.WriteFile(s.path("blobs", d), raw, 0o644)
}

type dirIngest struct {
	store *dirStore
	mu    *sync.Mutex
	d     v1.Hash
	size  int64
	f     *os.File
	sum   hash.Hash
	at    int64
	done  bool
}

func (s *dirStore) Ingest(_ context.Context, d v1.Hash, size int64) (Ingest, error) {
	mu := s.lock("blob" + d.Hex)
	mu.Lock()
	if s.Has(d) {
		mu.Unlock()
		return nil, ErrExists
	}
	f, err := os.OpenFile(s.path("partial", d), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		mu.Unlock()
		return nil, err
	}
	in := &dirIngest{store: s, mu: mu, d: d, size: size, f: f, sum: sha256.New()}
	in.at, err = io.Copy(in.sum, f)
	return in, err
}

func (i *dirIngest) Write(p []byte) (int, error) {
	if i.store.full {
		return 0, &os.PathError{Op: "write", Path: i.f.Name(), Err: errFull}
	}
	i.sum.Write(p)
	n, err := i.f.WriteAt(p, i.at)
	i.at += int64(n)
	return n, err
}
func (i *dirIngest) Offset() int64              { return i.at }
func (i *dirIngest) Partial() (*os.File, error) { return os.Open(i.f.Name()) }
func (i *dirIngest) ETag() string {
	data, _ := os.ReadFile(i.f.Name() + ".etag")
	return string(data)
}

func (i *dirIngest) SetETag(e string) error {
	return os.WriteFile(i.f.Name()+".etag", []byte(e), 0o644)
}

func (i *dirIngest) Restart() error {
	i.at = 0
	i.sum.Reset()
	return errors.Join(i.f.Truncate(0), i.SetETag(""))
}

func (i *dirIngest) Commit() error {
	if i.at != i.size || hexSum(i.sum) != i.d.Hex {
		return ErrDigest
	}
	if err := os.Rename(i.f.Name(), i.store.path("blobs", i.d)); err != nil {
		return err
	}
	return i.Close()
}

func (i *dirIngest) Close() error {
	if i.done {
		return nil
	}
	i.done = true
	defer i.mu.Unlock()
	if i.at == 0 {
		_ = os.Remove(i.f.Name())
	}
	_ = os.Remove(i.f.Name() + ".etag")
	return i.f.Close()
}

type dirLayer struct {
	store     *dirStore
	mu        *sync.Mutex
	dir, name string
	done      bool
}

func (s *dirStore) BeginLayer(_ context.Context, chain v1.Hash) (Layer, error) {
	mu := s.lock("layer" + chain.Hex)
	mu.Lock()
	if s.HasLayer(chain) {
		mu.Unlock()
		return nil, ErrExists
	}
	dir, err := os.MkdirTemp(filepath.Join(s.dir, "work"), "layer-*")
	return &dirLayer{store: s, mu: mu, dir: dir, name: s.path("layers", chain)}, err
}

func (l *dirLayer) Dir() string        { return l.dir }
func (l *dirLayer) Commit(int64) error { return l.end(os.Rename(l.dir, l.name)) }
func (l *dirLayer) Abort() error       { return l.end(os.RemoveAll(l.dir)) }
func (l *dirLayer) end(err error) error {
	if !l.done {
		l.done = true
		l.mu.Unlock()
	}
	return err
}

// untar unpacks regular files.
func untar(_ context.Context, dir string, r io.Reader, _ []v1.Hash) (size int64, err error) {
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return 0, err
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			return 0, err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), data, 0o644); err != nil {
			return 0, err
		}
		size += int64(len(data))
	}
}
