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
	images map[string]vzcontract.RootFS // guarded by mu; by reference
}

var (
	_ vzcontract.RootFSProvider = (*Store)(nil)
	_ vzcontract.LayerCommitter = (*Store)(nil)
)

// Open returns the store that is kept in file, so that an agent that was started
// anew knows what the one before it knew.
func Open(file string) (*Store, error) {
	s := &Store{file: file, images: map[string]vzcontract.RootFS{}}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	return s, json.Unmarshal(text, &s.images)
}

// Provide adds an image or says anew what it consists of.
func (s *Store) Provide(image agentproto.ImageProvide) error {
	if image.Ref == "" || len(image.RootFS.Layers) == 0 {
		return vzcontract.Errorf(vzcontract.ErrValidation, "provide image %q: it has no name or no layers", image.Ref)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
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
