// Package image stands for the host's image store in a guest: it knows the images
// that the host has shared, and hands new layers to the host.
package image

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux/agentproto"
)

// A Store knows the images of one guest. Methods are safe for concurrent use.
type Store struct {
	file string

	mu     sync.Mutex
	images map[string]vzcontract.RootFS // guarded by mu; by reference; nil until it was read
}

var (
	_ vzcontract.RootFSProvider = (*Store)(nil)
	_ vzcontract.LayerCommitter = (*Store)(nil)
)

// New returns the store that is kept in file, so that an agent that was started
// anew knows what the one before it knew. The file is read when it is first needed:
// the host may mount what it lies on before.
func New(file string) *Store { return &Store{file: file} }

// load reads the file once. s.mu must be held.
func (s *Store) load() error {
	if s.images != nil {
		return nil
	}
	images := map[string]vzcontract.RootFS{}
	text, err := os.ReadFile(s.file)
	if err == nil {
		err = json.Unmarshal(text, &images)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s.images = images
	return nil
}

// Provide adds an image or says anew what it consists of.
func (s *Store) Provide(image agentproto.ImageProvide) error {
	if image.Ref == "" || len(image.RootFS.Layers) == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "provide image %q: it has no name or no layers", image.Ref)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return err
	}
	s.images[image.Ref] = image.RootFS
	text, err := json.Marshal(s.images)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(s.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(s.file+".new", s.file)
}

// RootFS implements vzcontract.RootFSProvider. Pulling is the host's.
func (s *Store) RootFS(_ context.Context, req vzcontract.RootFSRequest) (vzcontract.RootFS, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return vzcontract.RootFS{}, err
	}
	root, ok := s.images[req.Ref]
	if !ok {
		return vzcontract.RootFS{}, vzcontract.Errorf(vzcontract.ErrNotFound, "image %s: the host has not shared it with this guest", req.Ref)
	}
	return root, nil
}

// ReleaseRootFS implements vzcontract.RootFSProvider. Leases are the host's.
func (s *Store) ReleaseRootFS(context.Context, string) error { return nil }

type layerKey struct{}

// WithLayer returns a context with which CommitLayer writes to w: a frame that
// describes the layer, then the layer.
func WithLayer(ctx context.Context, w io.Writer) context.Context {
	return context.WithValue(ctx, layerKey{}, w)
}

// CommitLayer implements vzcontract.LayerCommitter. The image is made by the host,
// so what is returned is empty.
func (s *Store) CommitLayer(ctx context.Context, req vzcontract.CommitLayerRequest) (vzcontract.ImageInfo, error) {
	w, ok := ctx.Value(layerKey{}).(io.Writer)
	if !ok {
		return vzcontract.ImageInfo{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "commit without the host")
	}
	head, err := json.Marshal(agentproto.CommitLayer{
		Base: req.Base, Ref: req.Ref, Author: req.Author, Comment: req.Comment, CreatedBy: req.CreatedBy, Config: req.Config,
	})
	if err != nil {
		return vzcontract.ImageInfo{}, err
	}
	if err := agentproto.WriteFrame(w, head); err != nil {
		return vzcontract.ImageInfo{}, err
	}
	_, err = io.Copy(w, req.Layer)
	return vzcontract.ImageInfo{}, err
}
