package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"vz.internal/vzoci/internal/pull"
)

// The parts of a layer's directory.
const (
	layerFiles  = "fs"
	layerRecord = "layer.json"
)

// A layerInfo is kept beside the files of a layer.
type layerInfo struct {
	Size int64 `json:"size"`
}

func (l *layerInfo) check(string) error {
	if l.Size < 0 {
		return errors.New("a negative size")
	}
	return nil
}

// LayerSize returns how much an unpacked layer takes on disk.
func (s *Store) LayerSize(chain v1.Hash) (int64, error) {
	var l layerInfo
	err := readRecord(s.path(dirLayers, chain.Hex, layerRecord), &l)
	return l.Size, err
}

// HasLayer reports whether a layer is unpacked. Outside a session it may be
// gone the next moment.
func (s *Store) HasLayer(chain v1.Hash) bool { return exists(s.LayerDir(chain)) }

// layer is one that is being unpacked. The lock of the layer makes it the only
// one.
type layer struct {
	session *Session
	lock    *lock
	chain   v1.Hash
	dir     string
	done    bool
}

// BeginLayer implements [pull.Store].
func (t *Session) BeginLayer(ctx context.Context, chain v1.Hash) (pull.Layer, error) {
	if err := t.mark(ctx, classLayer, chain); err != nil {
		return nil, err
	}
	l, err := acquire(ctx, t.store.path(dirLocks, classLayer+"-"+chain.Hex), exclusive)
	if err != nil {
		return nil, err
	}
	dir, err := t.makeLayer(chain)
	if err != nil {
		l.remove()
		return nil, err
	}
	return &layer{session: t, lock: l, chain: chain, dir: dir}, nil
}

// makeLayer must be called with the layer's lock held.
func (t *Session) makeLayer(chain v1.Hash) (dir string, err error) {
	if t.HasLayer(chain) {
		return "", pull.ErrExists
	}
	if old := t.store.path(dirLayers, chain.Hex); exists(old) { // power loss may have emptied its files
		if _, err := t.store.suspect(classLayer, chain); err != nil {
			return "", err // a container may use it
		}
		if _, err := t.store.discard(old); err != nil {
			return "", err
		}
	}
	if dir, err = os.MkdirTemp(t.dir, "layer-"); err != nil {
		return "", err
	}
	return dir, os.Mkdir(filepath.Join(dir, layerFiles), 0o755)
}

func (l *layer) Dir() string { return filepath.Join(l.dir, layerFiles) }

// Commit implements [pull.Layer].
func (l *layer) Commit(size int64) error {
	if err := l.commit(size); err != nil {
		return errors.Join(err, l.Abort())
	}
	l.done = true
	l.lock.remove()
	return nil
}

func (l *layer) commit(size int64) error {
	data, err := marshal(layerInfo{size})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(l.dir, layerRecord), data, 0o600); err != nil {
		return err
	}
	if err := l.session.note(classLayer, l.chain); err != nil {
		return err
	}
	return os.Rename(l.dir, l.session.store.path(dirLayers, l.chain.Hex))
}

// Abort implements [pull.Layer].
func (l *layer) Abort() error {
	if l.done {
		return nil
	}
	l.done = true
	defer l.lock.remove()
	return removeTree(l.dir)
}
